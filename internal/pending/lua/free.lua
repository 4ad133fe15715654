-- Free: frees a place. If the tenant waited for it, workers are woken.
--
-- KEYS[1]  %tenants
-- ARGV[1]  the tenant, escaped
-- ARGV[2]  the name of the place
-- Result: 1, or 0 if the place was free.
if tryCall('ZREM', placesOf(KEYS[1], ARGV[1]), ARGV[2]) ~= 1 then return 0 end
local first = tryCall('ZRANGE', queuesOf(KEYS[1], ARGV[1]), 0, 0, 'WITHSCORES')
if first and first[1] then bringForward(KEYS[1], ARGV[1], math.max(tonumber(first[2]) or 0, instant)) end
return 1
