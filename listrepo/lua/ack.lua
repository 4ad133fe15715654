-- Ack of some items of a claim, or of a claim of a queue that has an order:
-- removes items for good.
--
-- KEYS[1]  the claim
-- KEYS[2]  done: the places of its settled items
-- KEYS[3]  due
-- KEYS[4]  the queue; missing if it has no order
-- ARGV[1]  the claim's header
-- ARGV[2 ..]  places of items, counted from 1; if there are none, all items
-- Result: 1, or 0 if the claim was lost. Then nothing is changed.
local held = redis.call('LLEN', KEYS[1])
if held == 0 then return 0 end
redis.call('ZREM', KEYS[3], '') -- for a server without memory: see claim.lua
for i = 2, #ARGV, 1000 do
  redis.call('SADD', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
if #ARGV == 1 or redis.call('SCARD', KEYS[2]) >= held then
  redis.call('DEL', KEYS[1], KEYS[2])
  redis.call('ZREM', KEYS[3], ARGV[1])
  local tail = string.sub(KEYS[3], #'%due' + 1)
  if KEYS[4] and redis.call('EXISTS', KEYS[4], KEYS[3], '%again' .. tail, '%delayed' .. tail) == 0 then
    redis.call('DEL', '%order' .. tail) -- the queue has no items
  end
  return 1
end
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
return 1
