-- The second part of claim.lua, with its KEYS, ARGV and result: some items were
-- delivered before, and keep their ids and attempts.
local alone, named = most == 1, {birth}

-- admits says whether the claim takes an item with so many attempts behind it.
local function admits(attempt)
  local last = most > 0 and attempt + 1 >= most
  if taken >= want or alone and taken > 0 or last and taken > 0 then return false end
  alone = alone or last
  return true
end

local function take(id, attempt)
  taken = taken + 1
  named[#named + 1] = taken .. '=' .. id .. '=' .. attempt + 1
end

for _, token in ipairs(lapsed) do
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

while true do
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
-- What lapsed and is left comes before the list.
local left = redis.call('EXISTS', KEYS[4]) == 1
if left then keep(KEYS[4]) end

local again = taken
while taken < want and not left do
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
if taken == 0 then return 0 end
header = table.concat(named, ' ')
return claimed(taken - again)
