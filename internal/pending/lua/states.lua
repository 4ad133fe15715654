-- Tells whether a queue has items, and takes one that was not noted for a while
-- and has none out of the index.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3]  again
-- KEYS[4]  back
-- KEYS[5]  age
-- KEYS[6]  index
-- ARGV[1]  the queue's member of the index
-- ARGV[2]  how long it stays there without items, in milliseconds
-- ARGV[3]  '1': items that only wait are no reason to stay
-- Result: 2 with items to claim, 1 with claimed ones alone, 0 with none.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local state = 0
if first[2] then state = 1 end
if redis.call('EXISTS', KEYS[1], KEYS[3]) > 0 or first[2] and tonumber(first[2]) <= now then state = 2 end

local noted = redis.call('ZSCORE', KEYS[6], ARGV[1])
local keeps = state > 0
if ARGV[3] == '1' then keeps = first[2] or redis.call('EXISTS', KEYS[3]) == 1 end
if noted and not keeps and tonumber(noted) + ARGV[2] <= now then redis.call('ZREM', KEYS[6], ARGV[1]) end
if state == 0 and not (noted and tonumber(noted) + ARGV[2] > now) then redis.call('UNLINK', KEYS[4], KEYS[5]) end
return state
