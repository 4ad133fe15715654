-- freePlaces: frees the places of firings whose handlers have returned, and
-- wakes the listeners that wait for a place of these tenants.
--
-- KEYS  of each firing: running of its tenant (lib/places.lua)
-- ARGV  of each firing: `<attempt>|<member>`
--
-- Result: how many places were freed. A key that holds another type is left
-- alone.
local freed = 0
for i, key in ipairs(KEYS) do
  if redis.pcall('ZREM', key, ARGV[i]) == 1 then
    freed = freed + 1
    local waiters = string.gsub(key, ':running:', ':blocked:', 1)
    local channels = redis.pcall('ZRANGE', waiters, 0, -1)
    if not channels.err and #channels > 0 then
      redis.call('DEL', waiters)
      for _, channel in ipairs(channels) do redis.pcall('PUBLISH', channel, '0') end
    end
  end
end
return freed
