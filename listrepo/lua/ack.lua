-- Ack of some items of a claim, or of a claim of a queue that has an order or is
-- in a schedule: removes items for good. It follows ack_usual.lua.
--
-- KEYS[1]  the claim
-- KEYS[2]  done: the places of its settled items
-- KEYS[3]  due
-- KEYS[4]  the queue; missing if it has no order and is in no schedule
-- KEYS[5]  %tenants of the schedule; may be missing
-- ARGV[1]  the claim's header
-- ARGV[2]  the queue's member of the schedule
-- ARGV[3]  its tenant
-- ARGV[4 ..]  places of items, counted from 1; if there are none, all items
-- Result: 1, or 0 if the claim was lost. Then nothing is changed.
if acked then
  reschedule(KEYS[5], ARGV[3], ARGV[2], KEYS[4], string.sub(KEYS[3], #'%due' + 1))
  return 1
end
local held = redis.call('LLEN', KEYS[1])
if held == 0 then return 0 end
redis.call('ZREM', KEYS[3], '') -- for a server without memory: see claim_usual.lua
for i = 4, #ARGV, 1000 do
  redis.call('SADD', KEYS[2], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
if #ARGV == 3 or redis.call('SCARD', KEYS[2]) >= held then
  redis.call('UNLINK', KEYS[1], KEYS[2])
  redis.call('ZREM', KEYS[3], ARGV[1])
  local tail = string.sub(KEYS[3], #'%due' + 1)
  if KEYS[5] then
    reschedule(KEYS[5], ARGV[3], ARGV[2], KEYS[4], tail)
  elseif KEYS[4] and not nextLook(KEYS[4], tail) then
    redis.call('UNLINK', '%order' .. tail)
  end
  return 1
end
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
return 1
