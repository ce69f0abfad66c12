-- GET a film with its ratings, ids from 1 to MOVIES.
local movies = tonumber(os.getenv("MOVIES"))
local threads = 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
function init() math.randomseed(tonumber(os.getenv("SEED")) + number) end
function request() return wrk.format("GET", "/movies/" .. math.random(movies) .. "?select=*,ratings(*)") end
