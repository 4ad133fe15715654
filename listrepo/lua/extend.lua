-- Extend: renews the lease of a claim.
--
-- KEYS[1]  the claim
-- KEYS[2]  done: the places of its settled items
-- KEYS[3]  due
-- KEYS[4]  order; missing if the queue has no order
-- ARGV[1]  the claim's header
-- ARGV[2]  the new lease from now, in milliseconds
-- ARGV[3]  the lifetime of the queue in milliseconds, '0' for none
-- Result: 1, or 0 if the claim was lost. Then nothing is changed.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('ZREM', KEYS[3], '') -- for a server without memory: see claim.lua
local clock = redis.call('TIME')
local ends = clock[1] * 1000 + math.floor(clock[2] / 1000) + ARGV[2]
redis.call('ZADD', KEYS[3], string.format('%.0f', ends), ARGV[1])
local lifetime = math.min(ARGV[2] + ARGV[3], 9223372036854)
for i = 1, #KEYS do
  local left = redis.call('PTTL', KEYS[i])
  if left >= 0 and left < lifetime then redis.call('PEXPIRE', KEYS[i], lifetime) end
end
return 1
