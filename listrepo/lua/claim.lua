-- Takes items off a queue into a claim: first those whose lease lapsed, in the
-- order in which they were first claimed, then those in front.
--
-- KEYS[1]  the queue
-- KEYS[2]  the claim, a list that does not exist yet
-- KEYS[3]  due: tokens of claims by the end of their lease
-- KEYS[4]  again: items of lapsed leases by birth
-- KEYS[5]  back: numbers of the items that were put back, by value
-- KEYS[6]  dead: parked items by id
-- KEYS[7]  age: when the queue was how long; used with KEYS[8]
-- KEYS[8]  index of queues; may be missing
-- ARGV[5]  the claim's token
-- ARGV[6]  what follows the token in the claim's key
-- ARGV[7]  greatest number of items
-- ARGV[8]  lease in milliseconds
-- ARGV[9]  attempts that an item has, '0' for any number
-- ARGV[10] the queue's member of the index
-- Result: how many items were taken. An item on its last attempt is taken alone,
-- and one that lapsed on it is parked.
local want, most = tonumber(ARGV[7]), tonumber(ARGV[9])
local header, taken, alone = {birth}, 0, most == 1

-- admits says whether the claim takes an item with so many attempts behind it.
local function admits(attempt)
  local last = most > 0 and attempt + 1 >= most
  if taken >= want or alone and taken > 0 or last and taken > 0 then return false end
  alone = alone or last
  return true
end

local function take(id, attempt)
  taken = taken + 1
  header[#header + 1] = taken .. '=' .. id .. '=' .. attempt + 1
end

for _, token in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', whole(now))) do
  local list, done = own('claim', token, ARGV[6]), own('done', token, ARGV[6])
  local items = redis.call('LRANGE', list, 0, -1)
  local number = items[1] and numbers(items[1], token)
  for i = 2, #items do
    if redis.call('SISMEMBER', done, i - 1) == 0 then
      local id, attempt = number(i - 1)
      local place = string.format('%010d', tonumber(string.match(id, '%d+$')))
      redis.call('ZADD', KEYS[4], string.match(id, '^%d+'), place .. ' ' .. id .. ' ' .. attempt .. ' ' .. items[i])
    end
  end
  redis.call('DEL', list, done)
  redis.call('ZREM', KEYS[3], token)
end

local memory = redis.call('EXISTS', KEYS[4], KEYS[5]) > 0
while memory do
  local item = redis.call('ZRANGE', KEYS[4], 0, 0)[1]
  if not item then break end
  local _, last, id, attempt = string.find(item, '^%d+ (%S+) (%d+) ')
  attempt = tonumber(attempt)
  local value = string.sub(item, last + 1)
  if most > 0 and attempt >= most then
    park(KEYS[6], id, attempt, value, 'the lease lapsed on the last attempt')
  elseif admits(attempt) then
    take(id, attempt)
    redis.call('RPUSH', KEYS[2], value)
  else
    break
  end
  redis.call('ZREM', KEYS[4], item)
end

local lapsed = taken
while memory and taken < want do
  local value = redis.call('LINDEX', KEYS[1], 0)
  if not value then
    redis.call('DEL', KEYS[5])
    break
  end
  local known = redis.call('HGET', KEYS[5], value)
  local id, attempt, rest = string.match(known or '', '^(%S+) (%d+) ?(.*)$')
  if not admits(tonumber(attempt or 0)) then break end
  if id then
    take(id, tonumber(attempt))
    if rest == '' then redis.call('HDEL', KEYS[5], value) else redis.call('HSET', KEYS[5], value, rest) end
  else
    taken = taken + 1
  end
  redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
end

if not memory and existed then
  local n = alone and 1 or want
  -- SORT copies a part of a list at once; where there is none, item by item.
  local copied = n > 8 and redis.pcall('SORT', KEYS[1], 'BY', 'nosort', 'LIMIT', 0, n, 'STORE', KEYS[2])
  if type(copied) == 'number' then
    redis.call('LTRIM', KEYS[1], copied, -1)
    taken = copied
  else
    while taken < n and redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') do taken = taken + 1 end
  end
end

if taken > 0 then
  redis.call('LPUSH', KEYS[2], table.concat(header, ' '))
  redis.call('ZADD', KEYS[3], whole(now + ARGV[8]), ARGV[5])
  keep(KEYS[3], ARGV[8])
  if ARGV[2] ~= '0' then keep(KEYS[2], ARGV[8]) end
  if KEYS[8] then
    redis.call('ZADD', KEYS[8], 'NX', whole(now), ARGV[10])
    redis.call('ZINCRBY', KEYS[7], taken - lapsed, 'taken')
  end
  if taken > lapsed then renew() end
end
if memory and redis.call('EXISTS', KEYS[4]) == 1 then keep(KEYS[4]) end
return taken
