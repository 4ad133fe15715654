-- The second part of claim.lua, with its KEYS, ARGV and result: some items were
-- delivered before, and keep their ids and attempts.
--
-- It works off a page of expired claims, which it moves to again, and takes items
-- from there and then from the list. What nothing of ours wrote is set aside: it
-- becomes a dead letter, with its text for a value.
local dead, taken = '%dead' .. tail, 0
local alone, named, items = most == 1, {header}, {}
local buries = isA(dead, 'hash')
local progress = false

-- aside sets an entry aside and reports whether it could.
local function aside(text, why)
  if not buries then
    passed = dead
    return false
  end
  park(dead, 'strange-' .. redis.sha1hex(text), '0', text, why .. ' was not written by this library')
  strange, progress = strange + 1, true
  return true
end

-- admits reports whether the claim takes an item with that count behind it.
local function admits(count)
  local last = most > 0 and attempts(count) + 1 >= most
  if taken >= want or alone and taken > 0 or last and taken > 0 then return false end
  alone = alone or last
  return true
end

local function take(value, id, count)
  taken = taken + 1
  items[taken] = value
  if id then
    local deliveries, free = split(count)
    named[#named + 1] = taken .. '=' .. id .. '=' .. join(deliveries + 1, free)
  end
end

-- reclaim moves the items of an expired claim to again, a page of them, and
-- returns how many it looked at, and whether there are more of them.
local function reclaim(lost)
  local list, done, token, offset = keysOf(lost, tail)
  if not list or not isA(list, 'list') then
    if aside(lost, not list and 'an entry of due' or 'the claim ' .. list .. ' of an entry of due') then redis.call('ZREM', due, lost) end
    return 1, false
  end
  progress = true
  local values, bytes = front(list, page)
  local number, names = numbers(lost, offset + #values)
  local birth, settled = string.match(lost, '^%d+'), redis.call('TYPE', done)['ok'] == 'set'
  local waits, places = {}, {}
  for i, value in ipairs(values) do
    local at = offset + i
    places[i] = at
    if not settled or redis.call('SISMEMBER', done, at) == 0 then
      local id, count = number(at)
      local first, place = string.match(id, '^(%d+)%-.*%-(%d+)$')
      if not first or #first > 16 or #place > 10 then first, place = birth, at end
      waits[#waits + 1] = first
      waits[#waits + 1] = string.format('%010d', tonumber(place)) .. ' ' .. id .. ' ' .. count .. ' ' .. value
    end
  end
  bulk('ZADD', again, waits)
  if redis.call('LLEN', list) <= #values then
    redis.call('UNLINK', list)
    if settled then redis.call('UNLINK', done) end
    redis.call('ZREM', due, lost)
    return bytes < pageBytes and #values or page, false
  end
  redis.call('LTRIM', list, #values, -1)
  if settled then bulk('SREM', done, places) end
  if offset == 0 then redis.call('RENAME', list, own('rest', token, tail)) end
  local score = redis.call('ZSCORE', due, lost)
  redis.call('ZREM', due, lost)
  redis.call('ZADD', due, score, birth .. '-' .. token .. '+' .. offset + #values .. names)
  return page, true
end

local moved, unseen = 0, #expired == 25
for _, lost in ipairs(expired) do
  if lost ~= ARGV[9] and moved < page then
    local n, rest = reclaim(lost)
    moved, unseen = moved + n, unseen or rest
  elseif lost ~= ARGV[9] then
    local list, done = keysOf(lost, tail)
    unseen = true
    if list then
      live(list, lifetime)
      live(done, lifetime)
    end
  end
end

-- What cannot be taken and cannot be a dead letter stays in again, and is passed
-- over.
local full, looked, stays, bytes = false, 0, 0, 0
while not full and looked < page do
  local found = redis.call('ZRANGE', again, stays, stays + math.max(math.min(want - taken, looked), 4) - 1)
  if #found == 0 then break end
  local gone = {}
  for _, item in ipairs(found) do
    local _, last, id, count = string.find(item, '^%d+ ([^%s=]+) (%d+~?%d*) ')
    local value = last and #count < 16 and string.sub(item, last + 1)
    local goes = true
    bytes = bytes + #item
    if not value then
      goes = aside(item, 'an entry of again')
    elseif most > 0 and attempts(count) >= most then
      goes = buries
      if buries then park(dead, id, count, value, 'the lease expired on the last attempt') else passed = dead end
    elseif admits(count) then
      take(value, id, count)
    else
      full = true
      break
    end
    looked = looked + 1
    if goes then gone[#gone + 1] = item else stays = stays + 1 end
  end
  progress = progress or #gone > 0
  bulk('ZREM', again, gone)
  full = full or bytes >= pageBytes
end
-- What expired and is left comes before the list, unless none of it can be had.
local left = full or progress and (unseen or redis.call('ZCARD', again) > stays)
live(again, lifetime)

local before = taken
if taken < want and not left and length > 0 then
  local values = front(KEYS[1], want - taken)
  local fields, changed = {}, {}
  for i, value in ipairs(values) do fields[i] = 'v' .. value end
  local tops, found = {}, redis.call('HMGET', back, unpack(fields))
  for i, value in ipairs(values) do tops[value] = found[i] end
  for _, value in ipairs(values) do
    local top = tops[value]
    local id, count = string.match(top or '', '^([^%s=]+) (%d+~?%d*)$')
    if id and #count >= 16 then id, count = nil, nil end
    if not admits(count or '0') then break end
    take(value, id, count)
    if top then
      tops[value], changed[value] = false, true
      if id then
        tops[value] = redis.call('HGET', back, 'n' .. id)
        if tops[value] then redis.call('HDEL', back, 'n' .. id) end
      end
    end
  end
  redis.call('LTRIM', KEYS[1], taken - before, -1)
  local set, unset = {}, {}
  for value in pairs(changed) do
    if tops[value] then
      set[#set + 1] = 'v' .. value
      set[#set + 1] = tops[value]
    else
      unset[#unset + 1] = 'v' .. value
    end
  end
  bulk('HSET', back, set)
  bulk('HDEL', back, unset)
end
if taken - before == length then redis.call('UNLINK', back) else live(back, lifetime) end
if taken == 0 then
  if left and progress then more = 1 end
  return result('')
end
bulk('RPUSH', KEYS[2], items)
if taken == before and lifetime >= 0 then -- the queue keeps the lifetime that it has
  local left = redis.call('PTTL', KEYS[1])
  if left ~= -2 then lifetime = left < 0 and left or math.max(left, lifetime) end
end
header = table.concat(named, ' ')
return claimed(taken - before)
