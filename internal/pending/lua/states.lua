-- Set.States and Set.RemoveUnclaimed: returns the state of a queue. If the queue
-- has no items and was not noted for a while, it is removed from the index, and
-- the keys back and age are removed with it.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  again
-- KEYS[4]  back
-- KEYS[5]  age
-- KEYS[6]  index
-- ARGV[1]  member of the index that names the queue
-- ARGV[2]  milliseconds that a queue without items stays in the index
-- ARGV[3]  '1' to remove the queue from the index even if it has waiting items,
--          else ''
-- Result: 2 if the queue has items to claim, 1 if all its items are claimed
--         or delayed, 0 if it has none.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local delayed = '%delayed' .. string.sub(KEYS[2], #'%due' + 1)
local state = 0
if first[2] or redis.call('EXISTS', delayed) == 1 then state = 1 end
if redis.call('EXISTS', KEYS[1], KEYS[3]) > 0 or first[2] and tonumber(first[2]) <= now then state = 2 end

local noted = redis.call('ZSCORE', KEYS[6], ARGV[1])
local keeps = state > 0
if ARGV[3] == '1' then keeps = first[2] or redis.call('EXISTS', KEYS[3], delayed) > 0 end
if noted and not keeps and tonumber(noted) + ARGV[2] <= now then redis.call('ZREM', KEYS[6], ARGV[1]) end
if state == 0 and not (noted and tonumber(noted) + ARGV[2] > now) then redis.call('UNLINK', KEYS[4], KEYS[5]) end
return state
