-- Ends the claim on items that are not done: they go back in front of the queue
-- in their order, and among the dead where they have no attempt left.
--
-- KEYS[1]  the queue
-- KEYS[2]  the claim
-- KEYS[3]  done: the places of its items that are settled
-- KEYS[4]  due
-- KEYS[5]  back
-- KEYS[6]  dead
-- KEYS[7]  age
-- KEYS[8]  index; may be missing, and KEYS[9] with it
-- KEYS[9]  set of those who have items
-- ARGV[5]  the claim's header
-- ARGV[6]  attempts that an item has, '0' for any number
-- ARGV[7]  why: the reason that a parked item is given
-- ARGV[8]  '1': this delivery does not count towards the attempts
-- ARGV[9]  the queue's member of the index
-- ARGV[10] the member of the set
-- ARGV[11 ..]  places of items, counted from 1; none: all that are not settled
-- Result: {parked}, or 0 with nothing changed where the claim was lost.
local items = redis.call('LRANGE', KEYS[2], 0, -1)
if #items == 0 then return 0 end
redis.call('ZREM', KEYS[4], '') -- where memory is full: see claim.lua
local number, most = numbers(ARGV[5]), tonumber(ARGV[6])
local chosen = {}
for i = 11, #ARGV do chosen[tonumber(ARGV[i])] = true end

local parked, released = 0, 0
for place = #items, 1, -1 do
  if (#ARGV < 11 or chosen[place]) and redis.call('SADD', KEYS[3], place) == 1 then
    local id, count = number(place)
    if ARGV[8] == '1' then
      local deliveries, free = split(count)
      count = join(deliveries, free + 1)
    end
    if most > 0 and attempts(count) >= most then
      park(KEYS[6], id, count, items[place], ARGV[7])
      parked = parked + 1
    else
      front(KEYS[1], KEYS[5], id, count, items[place])
      released = released + 1
    end
  end
end

if redis.call('SCARD', KEYS[3]) == #items then
  redis.call('DEL', KEYS[2], KEYS[3])
  redis.call('ZREM', KEYS[4], ARGV[5])
else
  local left = redis.call('PTTL', KEYS[2])
  if left > 0 then redis.call('PEXPIRE', KEYS[3], left) end
end
if released > 0 then
  renew()
  forget(KEYS[1], KEYS[5])
  keep(KEYS[5])
  if KEYS[8] then
    redis.call('ZINCRBY', KEYS[7], -released, 'taken')
    keep(KEYS[7])
    redis.call('ZADD', KEYS[8], 'NX', now, ARGV[9])
    redis.call('SADD', KEYS[9], ARGV[10])
  end
end
return {parked}
