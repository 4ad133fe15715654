-- Ends the claim on items that are not done: they go back in front of the queue
-- in their order, and among the dead letters if they have no attempt left.
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
-- ARGV[7]  why: the reason that a dead letter is given
-- ARGV[8]  '1': this delivery does not count towards the attempts
-- ARGV[9]  the queue's member of the index
-- ARGV[10] the member of the set
-- ARGV[11 ..]  places of items, counted from 1; none: all that are not settled
-- Result: {more}, the number with which renew_beside.lua must go on, 0 for nowhere; or 0
-- with nothing changed if the claim was lost.
if redis.call('LLEN', KEYS[2]) == 0 then return 0 end
redis.call('ZREM', KEYS[4], '') -- where memory is full: see claim.lua
local number, most = numbers(ARGV[5], page), tonumber(ARGV[6])

local items, chosen = {}, {}
for i = 11, #ARGV do
  local place = tonumber(ARGV[i])
  items[place] = redis.call('LINDEX', KEYS[2], place - 1)
  chosen[#chosen + 1] = place
end
if #ARGV < 11 then
  items = redis.call('LRANGE', KEYS[2], 0, page - 1)
  for place = 1, #items do chosen[place] = place end
end
table.sort(chosen, function(a, b) return a > b end)

local parked, released, places = {}, {}, {}
for _, place in ipairs(chosen) do
  if items[place] and redis.call('SISMEMBER', KEYS[3], place) == 0 then
    local id, count = number(place)
    if ARGV[8] == '1' then
      local deliveries, free = split(count)
      count = join(deliveries, free + 1)
    end
    local to = most > 0 and attempts(count) >= most and parked or released
    to[#to + 1] = {id, count, items[place]}
    places[#places + 1] = place
  end
end
if #parked > 0 and not isA(KEYS[6], 'hash') then return mistyped(KEYS[6]) end
if #released > 0 then
  local wrong = not isA(KEYS[5], 'hash') and KEYS[5]
  if KEYS[8] then
    wrong = wrong or not isA(KEYS[7], 'zset') and KEYS[7] or not isA(KEYS[8], 'zset') and KEYS[8] or not isA(KEYS[9], 'set') and KEYS[9]
  end
  if wrong then return mistyped(wrong) end
end

bulk('SADD', KEYS[3], places)
for _, item in ipairs(parked) do park(KEYS[6], item[1], item[2], item[3], ARGV[7]) end
if redis.call('SCARD', KEYS[3]) >= redis.call('LLEN', KEYS[2]) then
  redis.call('UNLINK', KEYS[2], KEYS[3])
  redis.call('ZREM', KEYS[4], ARGV[5])
else
  local left = redis.call('PTTL', KEYS[2])
  if left > 0 then redis.call('PEXPIRE', KEYS[3], left) end
end
if #released == 0 then return {0} end

local add, done = fronts(KEYS[1], KEYS[5])
for _, item in ipairs(released) do add(item[1], item[2], item[3]) end
done()
local from = renewed(KEYS[1])
forget(KEYS[1], KEYS[5])
live(KEYS[5], redis.call('PTTL', KEYS[1]))
if KEYS[8] then
  redis.call('ZINCRBY', KEYS[7], -#released, 'taken')
  live(KEYS[7], redis.call('PTTL', KEYS[1]))
  redis.call('ZADD', KEYS[8], 'NX', now, ARGV[9])
  redis.call('SADD', KEYS[9], ARGV[10])
end
return {outlive(KEYS[1], string.sub(KEYS[4], #'%due' + 1), from)}
