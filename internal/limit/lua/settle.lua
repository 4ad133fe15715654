-- Corrects what a grant took from a bucket. Run by Limiter.Settle after
-- bucket.lua. The units are negative if it puts some back.
--
-- ARGV[5]  the start of the bucket when the grant was made
-- Result: 1, or 0 if the bucket has been full since the grant, so that there is
-- nothing to put back.
if tonumber(ARGV[2]) < 0 and start ~= tonumber(ARGV[5]) then return 0 end
if ahead <= 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.0f %.17g', start, used), 'PX', string.format('%.0f', math.ceil(ahead / 1000)))
end
return 1
