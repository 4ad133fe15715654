-- Takes units from a bucket, or returns how long to wait. Run by Limiter.Take
-- after bucket.lua.
--
-- ARGV[5]  the units of a full bucket
-- Result: 1 and the start of the bucket, or 0 and the microseconds to wait.
local wait = ahead - ARGV[5] * ARGV[3] / ARGV[4]
-- Many additions differ from their sum by less than a thousandth.
if wait > 0.001 then return {0, math.ceil(wait)} end
redis.call('SET', KEYS[1], string.format('%.0f %.17g', start, used), 'PX', string.format('%.0f', math.ceil(ahead / 1000)))
return {1, start}
