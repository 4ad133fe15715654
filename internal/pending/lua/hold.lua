-- Hold: renews the lease of a place, or takes the place if it is not taken and
-- the tenant has one free.
--
-- KEYS[1]  %tenants
-- ARGV[1]  the tenant, escaped
-- ARGV[2]  the name of the place
-- ARGV[3]  the most places of a tenant
-- ARGV[4]  the lease in milliseconds
-- Result: 1, or 0 if all places are taken by others.
local places = placesOf(KEYS[1], ARGV[1])
local ends = tonumber(redis.call('ZSCORE', places, ARGV[2]) or nil) or 0
if ends <= now and fullUntil(places, tonumber(ARGV[3])) then return 0 end
takePlace(places, ARGV[2], tonumber(ARGV[4]))
return 1
