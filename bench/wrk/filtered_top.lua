-- GET the top 20 of a genre by score with so many votes or more; hardly two requests are alike.
local genres = {"Drama", "Comedy", "Action", "Adventure", "Horror", "Musical", "Documentary", "Western"}
local path = "/movies?order=imdb_score.desc.nullslast&limit=20&primary_genre=eq.%s&imdb_votes=gte.%d"
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
function init() math.randomseed(tonumber(os.getenv("SEED")) + number) end
function request() return wrk.format("GET", path:format(genres[math.random(#genres)], math.random(10000))) end
