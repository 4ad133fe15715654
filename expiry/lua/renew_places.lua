-- renewPlaces: renews the places of firings whose handlers run.
--
-- KEYS     of each firing: running of its tenant (lib/places.lua)
-- ARGV[1]  lease in milliseconds
-- ARGV     from 2, of each firing: `<attempt>|<member>`
--
-- Result: 1. A place that was freed stays free, and a key that holds another
-- type is left alone.
local now = math.floor(clock() / 1000)
for i, key in ipairs(KEYS) do
  if type(redis.pcall('ZADD', key, 'XX', int(now + tonumber(ARGV[1])), ARGV[i + 1])) == 'number' then keepRunning(key, now) end
end
return 1
