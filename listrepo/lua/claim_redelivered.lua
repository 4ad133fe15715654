-- The second part of claim.lua, with the same KEYS, ARGV and result. It handles
-- a queue with items that were delivered before, which keep their ids and
-- counts.
--
-- It moves the items of expired claims to again, up to a page of them. Then it
-- claims items from there, and after those from the list. Entries that the
-- library did not write become dead letters, with their text as the value.
local dead, taken = '%dead' .. tail, 0
local alone, headerParts, items = maxAttempts == 1, {header}, {}
local deadUsable = isType(dead, 'hash')
local progress = false

-- setAside makes a foreign entry a dead letter, and reports whether it could.
local function setAside(text, name)
  if not deadUsable then
    skipped = dead
    return false
  end
  makeDead(dead, 'strange-' .. redis.sha1hex(text), '0', text, name .. ' was not written by this library')
  foreign, progress = foreign + 1, true
  return true
end

-- admits reports whether the claim takes an item that was delivered that often.
local function admits(count)
  local last = maxAttempts > 0 and attempts(count) + 1 >= maxAttempts
  if taken >= want or alone and taken > 0 or last and taken > 0 then return false end
  alone = alone or last
  return true
end

local function take(value, id, count)
  taken = taken + 1
  items[taken] = value
  if id then
    local deliveries, returned = parseCount(count)
    headerParts[#headerParts + 1] = taken .. '=' .. id .. '=' .. formatCount(deliveries + 1, returned)
  end
end

-- reclaim moves the items of an expired claim to again, up to a page of them.
-- It returns how many items it read, and whether there are more of them.
local function reclaim(expiredHeader)
  local list, done, token, offset = keysOf(expiredHeader, tail)
  if not list or not isType(list, 'list') then
    if setAside(expiredHeader, not list and 'an entry of due' or 'the claim ' .. list .. ' of an entry of due') then redis.call('ZREM', due, expiredHeader) end
    return 1, false
  end
  progress = true
  local values, bytes = readFront(list, page)
  local deliveryOf, unread = parseHeader(expiredHeader, offset + #values)
  local birth, hasSettled = string.match(expiredHeader, '^%d+'), redis.call('TYPE', done)['ok'] == 'set'
  local entries, places = {}, {}
  for i, value in ipairs(values) do
    local at = offset + i
    places[i] = at
    if not hasSettled or redis.call('SISMEMBER', done, at) == 0 then
      local id, count = deliveryOf(at)
      local itemBirth, place = string.match(id, '^(%d+)%-.*%-(%d+)$')
      if not itemBirth or #itemBirth > 16 or #place > 10 then itemBirth, place = birth, at end
      entries[#entries + 1] = itemBirth
      entries[#entries + 1] = string.format('%010d', tonumber(place)) .. ' ' .. id .. ' ' .. count .. ' ' .. value
    end
  end
  callInPages('ZADD', again, entries)
  if redis.call('LLEN', list) <= #values then
    redis.call('UNLINK', list)
    if hasSettled then redis.call('UNLINK', done) end
    redis.call('ZREM', due, expiredHeader)
    return bytes < pageBytes and #values or page, false
  end
  redis.call('LTRIM', list, #values, -1)
  if hasSettled then callInPages('SREM', done, places) end
  if offset == 0 then redis.call('RENAME', list, claimKey('rest', token, tail)) end
  local score = redis.call('ZSCORE', due, expiredHeader)
  redis.call('ZREM', due, expiredHeader)
  redis.call('ZADD', due, score, birth .. '-' .. token .. '+' .. offset + #values .. unread)
  return page, true
end

local moved, unmoved = 0, #expired == 25
for _, expiredHeader in ipairs(expired) do
  if expiredHeader ~= ARGV[9] and moved < page then
    local n, hasMore = reclaim(expiredHeader)
    moved, unmoved = moved + n, unmoved or hasMore
  elseif expiredHeader ~= ARGV[9] then
    local list, done = keysOf(expiredHeader, tail)
    unmoved = true
    if list then
      ensureLifetime(list, lifetime)
      ensureLifetime(done, lifetime)
    end
  end
end

-- An item that can neither be claimed nor become a dead letter stays in again,
-- and the items behind it are read.
local full, read, kept, bytes = false, 0, 0, 0
while not full and read < page do
  local found = redis.call('ZRANGE', again, kept, kept + math.max(math.min(want - taken, read), 4) - 1)
  if #found == 0 then break end
  local removed = {}
  for _, item in ipairs(found) do
    local _, last, id, count = string.find(item, '^%d+ ([^%s=]+) (%d+~?%d*) ')
    local value = last and #count < 16 and string.sub(item, last + 1)
    local leaves = true
    bytes = bytes + #item
    if not value then
      leaves = setAside(item, 'an entry of again')
    elseif maxAttempts > 0 and attempts(count) >= maxAttempts then
      leaves = deadUsable
      if deadUsable then makeDead(dead, id, count, value, 'the lease expired on the last attempt') else skipped = dead end
    elseif admits(count) then
      take(value, id, count)
    else
      full = true
      break
    end
    read = read + 1
    if leaves then removed[#removed + 1] = item else kept = kept + 1 end
  end
  progress = progress or #removed > 0
  callInPages('ZREM', again, removed)
  full = full or bytes >= pageBytes
end
-- Items of expired leases come before the list, unless none of them can be
-- claimed.
local expiredLeft = full or progress and (unmoved or redis.call('ZCARD', again) > kept)
ensureLifetime(again, lifetime)

local takenBefore = taken
if taken < want and not expiredLeft and length > 0 then
  local values = readFront(KEYS[1], want - taken)
  local fields, changed = {}, {}
  for i, value in ipairs(values) do fields[i] = 'v' .. value end
  local firsts, found = {}, redis.call('HMGET', back, unpack(fields))
  for i, value in ipairs(values) do firsts[value] = found[i] end
  for _, value in ipairs(values) do
    local first = firsts[value]
    local id, count = string.match(first or '', '^([^%s=]+) (%d+~?%d*)$')
    if id and #count >= 16 then id, count = nil, nil end
    if not admits(count or '0') then break end
    take(value, id, count)
    if first then
      firsts[value], changed[value] = false, true
      if id then
        firsts[value] = redis.call('HGET', back, 'n' .. id)
        if firsts[value] then redis.call('HDEL', back, 'n' .. id) end
      end
    end
  end
  redis.call('LTRIM', KEYS[1], taken - takenBefore, -1)
  local set, unset = {}, {}
  for value in pairs(changed) do
    if firsts[value] then
      set[#set + 1] = 'v' .. value
      set[#set + 1] = firsts[value]
    else
      unset[#unset + 1] = 'v' .. value
    end
  end
  callInPages('HSET', back, set)
  callInPages('HDEL', back, unset)
end
if taken - takenBefore == length then redis.call('UNLINK', back) else ensureLifetime(back, lifetime) end
if taken == 0 then
  if expiredLeft and progress then more = 1 end
  return result('')
end
callInPages('RPUSH', KEYS[2], items)
if taken == takenBefore and lifetime >= 0 then -- the queue keeps its lifetime
  local queueLeft = redis.call('PTTL', KEYS[1])
  if queueLeft ~= -2 then lifetime = queueLeft < 0 and queueLeft or math.max(queueLeft, lifetime) end
end
header = table.concat(headerParts, ' ')
return finish(taken - takenBefore)
