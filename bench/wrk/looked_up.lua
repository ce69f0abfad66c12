-- GET the top 20 of a genre by score, each film with its ratings, which are placed by user.
local genres = {"Drama", "Comedy", "Action", "Adventure", "Horror", "Musical", "Documentary", "Western"}
local path = "/movies?select=*,ratings_by_user(*)&order=imdb_score.desc.nullslast&limit=20&primary_genre=eq."
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
function init() math.randomseed(tonumber(os.getenv("SEED")) + number) end
function request() return wrk.format("GET", path .. genres[math.random(#genres)]) end
