-- The second part of claim.lua, with the same KEYS, ARGV and result. It handles
-- a queue with items that were delivered before, which keep their ids and
-- counts, and a queue that has an order.
--
-- It moves the items of expired claims and delayed items to again, up to a page
-- of each. Then it claims items from there, and after those from the list.
-- Entries that the library did not write become dead letters, with their text as
-- the value.
local dead, taken = '%dead' .. tail, 0
local alone, headerParts, items = maxAttempts == 1, {}, {}
local deadUsable = isType(dead, 'hash')
local progress = false

-- In a serial queue, a claim is later than its items, so that those of its
-- first deliveries come behind the others even if the clock was set back.
local birth = tonumber(string.match(header, '^%d+'))

-- setAside makes a foreign entry a dead letter, and reports whether it could.
local function setAside(text, name)
  if not deadUsable then
    skipped = dead
    return false
  end
  makeDead(dead, 'strange-' .. redis.sha1hex(text), '0', text, name .. ' was not written by this library')
  foreign, died, progress = foreign + 1, died + 1, true
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
    local itemBirth = parseScore(string.match(id, '^(%d+)%-.*%-%d+$'))
    if itemBirth >= birth and itemBirth < 1e16 then birth = itemBirth + 1 end
  end
end

-- isInFlight reports whether a claim is in flight. It removes the headers of
-- claims that have ended, and up to a page of entries that are no headers.
local function isInFlight()
  local kept = 0
  while foreign < page do
    local headers = redis.call('ZRANGEBYSCORE', due, '(' .. now, '+inf', 'LIMIT', kept, 100)
    for _, other in ipairs(headers) do
      local list = keysOf(other, tail)
      local held = list and redis.call('TYPE', list)['ok']
      if held == 'list' then return true end
      if held == 'none' or setAside(other, 'an entry of due') then redis.call('ZREM', due, other) else kept = kept + 1 end
    end
    if #headers < 100 then return false end
  end
  more = 1
  return false
end

local serial, ready = false, 0
if exists[order] then
  ordered = 1
  serial, ready = readOrder(order)
end
serial = serial or ARGV[10] == '1'
if serial and isInFlight() then return result('busy') end
if ready > now or more == 1 then return result('') end

-- moveDelayed moves a page of the delayed items to again: those whose time has
-- come, or all if the queue is serial. It reports whether there are more of
-- them.
local function moveDelayed(from, to)
  local kept, read, bytes, moved = 0, 0, 0, true
  while moved and read < page and bytes < pageBytes do
    local found = redis.call('ZRANGEBYSCORE', delayed, from, to, 'LIMIT', kept, math.max(read, 4))
    local entries, removed = {}, {}
    for _, item in ipairs(found) do
      local id, count, value, mark = parseWaiting(item)
      local leaves = id or setAside(item, 'an entry of delayed')
      if id then
        entries[#entries + 1], entries[#entries + 2] = waitingEntry(id, count, value, mark, 0, 0)
      end
      if leaves then removed[#removed + 1] = item else kept = kept + 1 end
      read, bytes = read + 1, bytes + #item
    end
    callInPages('ZADD', again, entries)
    callInPages('ZREM', delayed, removed)
    progress, moved = progress or #removed > 0, #found > 0
  end
  return moved
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
  local claimBirth, hasSettled = string.match(expiredHeader, '^%d+'), redis.call('TYPE', done)['ok'] == 'set'
  local entries, places = {}, {}
  for i, value in ipairs(values) do
    local at = offset + i
    places[i] = at
    if not hasSettled or redis.call('SISMEMBER', done, at) == 0 then
      local id, count = deliveryOf(at)
      entries[#entries + 1], entries[#entries + 2] = waitingEntry(id, count, value, '', claimBirth, at)
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
  redis.call('ZADD', due, score, claimBirth .. '-' .. token .. '+' .. offset + #values .. unread)
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
if exists[delayed] then
  -- A time as late as this is none that the library wrote.
  local early, late = moveDelayed('-inf', serial and '+inf' or now), moveDelayed('9007199254740992', '+inf')
  unmoved = unmoved or early or late
end
-- Items that were not moved yet may come before all others.
if serial and unmoved then
  if progress then more = 1 end
  return result('')
end

-- An item that can neither be claimed nor become a dead letter stays in again,
-- and the items behind it are read.
local full, read, kept, bytes = false, 0, 0, 0
while not full and read < page do
  local found = redis.call('ZRANGE', again, kept, kept + math.max(math.min(want - taken, read), 4) - 1)
  if #found == 0 then break end
  local removed = {}
  for _, item in ipairs(found) do
    local id, count, value, mark = parseWaiting(item)
    local leaves = true
    bytes = bytes + #item
    if not value then
      leaves = setAside(item, 'an entry of again')
    elseif maxAttempts > 0 and mark == '' and attempts(count) >= maxAttempts then
      leaves = deadUsable
      if deadUsable then
        makeDead(dead, id, count, value, 'the lease expired on the last attempt')
        died = died + 1
      else
        skipped = dead
      end
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
local expiredLeft = full or (progress or serial) and (unmoved or redis.call('ZCARD', again) > kept)
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
if ordered == 1 and taken > 0 then
  local over = {'hold'}
  if taken - takenBefore == length and not expiredLeft then over = {'hold', 'first', 'until'} end
  redis.call('HDEL', order, unpack(over))
end
if taken == 0 then
  if expiredLeft and progress then more = 1 end
  if ordered == 1 and more == 0 then dropOrder(KEYS[1], tail) end
  return result('')
end
callInPages('RPUSH', KEYS[2], items)
if taken == takenBefore and lifetime >= 0 then -- the queue keeps its lifetime
  local queueLeft = redis.call('PTTL', KEYS[1])
  if queueLeft ~= -2 then lifetime = queueLeft < 0 and queueLeft or math.max(queueLeft, lifetime) end
end
if serial then
  header = string.format('%.0f', birth) .. string.match(header, '%-.*')
  redis.call('HSET', order, 'serial', 1)
  ordered = 1
end
table.insert(headerParts, 1, header)
header = table.concat(headerParts, ' ')
local reply = finish(taken - takenBefore)
if ordered == 1 then renewOrder(KEYS[1], tail) end
return reply
