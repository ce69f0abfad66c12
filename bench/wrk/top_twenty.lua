-- GET the top 20 of a genre by score, genres at random.
local genres = {"Drama", "Comedy", "Action", "Adventure", "Horror", "Musical", "Documentary", "Western"}
local path = "/movies?order=imdb_score.desc.nullslast&limit=20&primary_genre=eq."
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
function init() math.randomseed(number + 7) end
function request() return wrk.format("GET", path .. genres[math.random(#genres)]) end
