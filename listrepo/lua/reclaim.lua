-- The second part of claim.lua, with its KEYS, ARGV and result: some items were
-- delivered before, and keep their ids and attempts.
local dead, taken = '%dead' .. tail, 0
local alone, named = most == 1, {header}

-- admits reports whether the claim takes an item with that count behind it.
local function admits(count)
  local last = most > 0 and attempts(count) + 1 >= most
  if taken >= want or alone and taken > 0 or last and taken > 0 then return false end
  alone = alone or last
  return true
end

local function take(id, count)
  local deliveries, free = split(count)
  taken = taken + 1
  named[#named + 1] = taken .. '=' .. id .. '=' .. join(deliveries + 1, free)
end

for _, lost in ipairs(lapsed) do
  local token, number = tokenOf(lost), numbers(lost)
  local list, done = own('claim', token, tail), own('done', token, tail)
  for i, value in ipairs(redis.call('LRANGE', list, 0, -1)) do
    if redis.call('SISMEMBER', done, i) == 0 then
      local id, count = number(i)
      local place = string.format('%010d', tonumber(string.match(id, '%d+$')))
      redis.call('ZADD', again, string.match(id, '^%d+'), place .. ' ' .. id .. ' ' .. count .. ' ' .. value)
    end
  end
  redis.call('DEL', list, done)
  redis.call('ZREM', due, lost)
end

while true do
  local item = redis.call('ZRANGE', again, 0, 0)[1]
  if not item then break end
  local _, last, id, count = string.find(item, '^%d+ (%S+) ([%d~]+) ')
  local value = string.sub(item, last + 1)
  if most > 0 and attempts(count) >= most then
    park(dead, id, count, value, 'the lease lapsed on the last attempt')
  elseif admits(count) then
    take(id, count)
    redis.call('RPUSH', KEYS[2], value)
  else
    break
  end
  redis.call('ZREM', again, item)
end
-- What lapsed and is left comes before the list.
local left = redis.call('EXISTS', again) == 1
if left then keep(again) end

local before = taken
while taken < want and not left do
  local value = redis.call('LINDEX', KEYS[1], 0)
  if not value then break end
  local known = redis.call('HGET', back, value)
  local id, count, rest = string.match(known or '', '^(%S+) ([%d~]+) ?(.*)$')
  if not admits(count or '0') then break end
  if id then
    take(id, count)
    if rest == '' then redis.call('HDEL', back, value) else redis.call('HSET', back, value, rest) end
  else
    taken = taken + 1
  end
  redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
end
if taken - before == length then redis.call('DEL', back) end
if taken == 0 then return {'', ended} end
header = table.concat(named, ' ')
return claimed(taken - before)
