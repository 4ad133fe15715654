-- The places of tenants: functions for the scripts that bound how many handlers
-- of a tenant run at once. The file follows schedule.lua.
--
--   %places...:<tenant>  sorted set: a name for each place that is taken, by the
--                        end of its lease in ms
--
-- A place whose lease has ended is free, whoever took it. The key expires with
-- the last lease.

-- placesOf returns the key of a tenant's places.
local function placesOf(tenants, tenant) return '%places' .. string.sub(tenants, 9) .. ':' .. tenant end

-- fullUntil returns the time in ms at which so many leases have ended that fewer
-- than bound places are taken. If this is so now, it returns nil. If the key
-- holds another type, it returns a time in ten seconds.
local function fullUntil(places, bound)
  local n = tryCall('ZCOUNT', places, '(' .. now, '+inf')
  if not n then return now + 10000 end
  redis.call('ZREMRANGEBYRANK', places, 0, -n - 1)
  if n < bound then return nil end
  return tonumber(redis.call('ZRANGE', places, n - bound, n - bound, 'WITHSCORES')[2])
end

-- takePlace takes a place, or renews its lease.
local function takePlace(places, name, lease)
  redis.call('ZADD', places, now + lease, name)
  if redis.call('PTTL', places) < lease then redis.call('PEXPIRE', places, lease) end
end
