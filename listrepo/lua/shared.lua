-- The functions that the scripts of queues share. The file follows preamble.lua
-- and schedule.lua.
--
-- The keys beside a queue are
--
--   %claim-<token>  list: the items of a claim, as they were in the queue
--   %done-<token>   set: the places of the claim's settled items, from 1
--   %rest-<token>   list: items of a large expired claim that are not moved yet
--   %due            sorted set: headers of claims, by the end of the lease, ms
--   %again          sorted set: items that come before the list, by birth: those
--                   whose lease expired or whose delay is over, and in a serial
--                   queue all that were put back
--   %back           hash: ids and counts of items that were put back, by value
--   %dead           hash: dead letters, by id
--   %died           sorted set: ids of dead letters, by the time at which they
--                   became ones, ms
--   %order          hash: what orders the queue, see order.lua
--   %delayed        sorted set: items whose next attempt is later, by its time, ms
--   %age            sorted set: times of pushes in ms, by the number of items
--                   pushed until then
--
-- and those of origins.lua.
--
-- The header of a claim is "<birth>-<token>", the birth being the server's time
-- in microseconds, and " <place>=<id>=<count>" for each item that was delivered
-- before. Every other item is delivered for the first time: its count is "1",
-- and its id is "<birth>-<token>-<place>". An item keeps its id, so ids order
-- items as they were first claimed.
--
-- A count is the number of an item's deliveries, such as "3". "3~1" means that
-- one of these deliveries was returned, and does not count towards MaxAttempts.
--
-- An expired claim that is too large for one script is moved in pages. Its list
-- is renamed to %rest, so the holder has lost the claim. In its header, "+" and
-- the number of items that were moved follow the token.

-- page is the most items that one call of a script works on.
local page = 500

-- claimsPage is the most claims that one call works on. Each header names up to
-- a page of items.
local claimsPage = 100

-- pageBytes limits the items of one call: after so many bytes it reads no more.
local pageBytes = 1024 * 1024

-- longest is the longest lifetime in milliseconds that every server accepts.
local longest = 9223372036854

-- claimKey returns a key of the claim with that token; tail follows the token.
local function claimKey(kind, token, tail) return '%' .. kind .. '-' .. token .. tail end

-- keysOf parses a header. It returns the claim's list, its set of settled
-- places, its token, and the number of items that were moved. If the text is no
-- header, it returns nothing.
local function keysOf(header, tail)
  local token, moved = string.match(header, '^%d+%-(%w+)%+?(%d*)')
  if not token then return end
  return claimKey(moved == '' and 'claim' or 'rest', token, tail), claimKey('done', token, tail), token, tonumber(moved) or 0
end

-- parseScore returns a score as a whole number. It returns 0 for a score beyond
-- the range in which Lua counts exactly; the library writes none.
local function parseScore(text)
  local n = tonumber(text or 0)
  return n and math.abs(n) < 2 ^ 53 and math.floor(n) or 0
end

-- isType reports whether a key holds that type or does not exist.
local function isType(key, kind)
  local held = redis.call('TYPE', key)['ok']
  return held == kind or held == 'none'
end

-- wrongType returns the error for a key that holds another type.
local function wrongType(key)
  return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value: ' .. key)
end

-- wrongSchedule returns a key of the schedule that holds another type. If there
-- is none, it returns nil.
local function wrongSchedule(tenants, tenant)
  local queues = queuesOf(tenants, tenant)
  return not isType(tenants, 'zset') and tenants or not isType(queues, 'zset') and queues or nil
end

-- callInPages sends a command whose arguments may be too many for one call.
local function callInPages(command, key, args)
  for i = 1, #args, page do
    redis.call(command, key, unpack(args, i, math.min(i + page - 1, #args)))
  end
end

-- readFront returns up to n items from the front of a list, and their size in
-- bytes. It doubles the number of items with each read, and stops once it has
-- read pageBytes.
local function readFront(list, n)
  local values, bytes = {}, 0
  repeat
    local from = #values
    for _, value in ipairs(redis.call('LRANGE', list, from, math.min(n, math.max(2 * from, 4)) - 1)) do
      values[#values + 1] = value
      bytes = bytes + #value
    end
  until #values == from or #values >= n or bytes >= pageBytes
  return values, bytes
end

-- parseCount returns the deliveries of a count, and how many of them were
-- returned. If the text is no count, it returns nothing.
local function parseCount(count)
  local deliveries, returned = string.match(count, '^(%d+)~?(%d*)$')
  if deliveries and #count < 16 then return tonumber(deliveries), tonumber(returned) or 0 end
end

-- formatCount is the inverse of parseCount.
local function formatCount(deliveries, returned)
  return deliveries .. (returned > 0 and '~' .. returned or '')
end

-- attempts returns how many deliveries of a count count towards MaxAttempts.
local function attempts(count)
  local deliveries, returned = parseCount(count)
  return deliveries - returned
end

-- parseHeader parses a header up to the item at place last. It returns a
-- function from an item's place to its id and count, and the unread part of the
-- header. Places ascend in a header.
local function parseHeader(header, last)
  local first, redelivered, at, unread = string.match(header, '^%d+%-%w+'), {}, 1, ''
  while true do
    local from, to, place, id, count = string.find(header, ' (%d+)=([^=%s]+)=(%d+~?%d*)', at)
    if not from then break end
    if tonumber(place) > last then
      unread = string.sub(header, from)
      break
    end
    if #count < 16 then redelivered[tonumber(place)] = {id, count} end
    at = to + 1
  end
  local function deliveryOf(place)
    local d = redelivered[place]
    if d then return d[1], d[2] end
    return first .. '-' .. place, '1'
  end
  return deliveryOf, unread
end

-- waitingEntry returns the score and the member with which an item waits in
-- again; in delayed it has the same member. mark is '' if the item's lease
-- expired, '+' if it was put back. birth and place are for an id that the
-- library did not make.
local function waitingEntry(id, count, value, mark, birth, place)
  local itemBirth, itemPlace = string.match(id, '^(%d+)%-.*%-(%d+)$')
  if not itemBirth or #itemBirth > 16 or #itemPlace > 10 then itemBirth, itemPlace = birth, place end
  return itemBirth, string.format('%010d', tonumber(itemPlace)) .. mark .. ' ' .. id .. ' ' .. count .. ' ' .. value
end

-- parseWaiting returns the id, the count, the value and the mark of a member of
-- again or delayed. If the library did not write it, it returns nothing.
local function parseWaiting(member)
  local _, last, mark, id, count = string.find(member, '^%d+(%+?) ([^%s=]+) (%d+~?%d*) ')
  if last and #count < 16 then return id, count, string.sub(member, last + 1), mark end
end

-- ensureLifetime sets the lifetime of a key to ms if it has none or a shorter
-- one. If ms is below 0, it removes the key's lifetime. It reports whether the
-- key exists.
local function ensureLifetime(key, ms)
  local left = redis.call('PTTL', key)
  if ms < 0 then
    if left >= 0 then redis.call('PERSIST', key) end
  elseif left ~= -2 and left < ms then
    redis.call('PEXPIRE', key, math.min(ms, longest))
  end
  return left ~= -2
end

-- renewOrder sets the lifetime of order to the longest of the keys that have
-- items.
local function renewOrder(queue, tail)
  local longestLeft = -2
  for _, key in ipairs({queue, '%due' .. tail, '%again' .. tail, '%delayed' .. tail}) do
    local left = redis.call('PTTL', key)
    if left == -1 then longestLeft = longest * 2 end
    longestLeft = math.max(longestLeft, left)
  end
  if longestLeft > longest then longestLeft = -1 end
  if longestLeft > -2 then ensureLifetime('%order' .. tail, longestLeft) end
end

-- renewBeside renews the keys beside a queue, so that none of them ends before
-- the queue. It renews one page of claims, counted from 1 in the order of due,
-- beginning with claim from. It returns the claim to continue from, 0 after the
-- last one.
--
-- Usually it renews only claims whose lease has expired, since any other claim
-- outlives its lease by the queue's lifetime. It renews all claims if from is
-- below 0, or if either the queue or due has a lifetime and the other has none;
-- the result is below 0 then too.
local function renewBeside(queue, tail, from)
  local due, again, back, delayed = '%due' .. tail, '%again' .. tail, '%back' .. tail, '%delayed' .. tail
  local others = redis.call('EXISTS', due, again, back, delayed, '%order' .. tail)
  if others == 0 then return 0 end
  if not isType(due, 'zset') then return 0 end -- the write before it stays done
  local left = redis.call('PTTL', queue)
  if left == -2 then return 0 end
  if ensureLifetime(again, left) then others = others - 1 end
  if ensureLifetime(back, left) then others = others - 1 end
  local dueLeft = redis.call('PTTL', due)
  if dueLeft ~= -2 then others = others - 1 end
  if others > 0 and isType(delayed, 'zset') then
    local last = redis.call('ZREVRANGE', delayed, 0, 0, 'WITHSCORES')
    ensureLifetime(delayed, left < 0 and left or left + math.min(math.max(parseScore(last[2]) - now, 0), longest))
  end
  if dueLeft == -2 then
    if others > 0 then renewOrder(queue, tail) end
    return 0
  end
  local all = from < 0 or (dueLeft < 0) ~= (left < 0)
  local last = redis.call('ZREVRANGE', due, 0, 0, 'WITHSCORES')
  ensureLifetime(due, left < 0 and left or left + math.min(math.max(parseScore(last[2]) - now, 0), longest))
  if others > 0 then renewOrder(queue, tail) end

  from = math.abs(from) - 1
  local claims = redis.call('ZRANGEBYSCORE', due, '-inf', all and '+inf' or now, 'WITHSCORES', 'LIMIT', from, claimsPage)
  for i = 1, #claims, 2 do
    local list, done = keysOf(claims[i], tail)
    if list then
      local lease = math.min(math.max(parseScore(claims[i + 1]) - now, 0), longest)
      ensureLifetime(list, left < 0 and left or left + lease)
      ensureLifetime(done, left < 0 and left or left + lease)
    end
  end
  if #claims < 2 * claimsPage then return 0 end
  return (all and -1 or 1) * (from + claimsPage + 1)
end

-- renewQueue renews the queue's lifetime, and returns the claim from which
-- renewBeside has to begin. It returns -1, for all claims, if the queue is new
-- or had less than half of the lifetime left: a service with a shorter lifetime
-- may have made claims that end before the queue.
local function renewQueue(queue)
  local left = ARGV[2] ~= '0' and (existed and redis.call('PTTL', queue) or 0)
  renew()
  return left and left >= 0 and left < ARGV[2] / 2 and -1 or 1
end

-- makeDead makes an item a dead letter. It removes the lifetime that
-- trim_dead.lua sets for older dead letters, which may end before the new one is
-- too old.
local function makeDead(dead, id, count, value, reason)
  local died = '%died' .. string.sub(dead, #'%dead' + 1)
  if redis.call('PERSIST', dead) == 1 then redis.call('PERSIST', died) end
  redis.call('HSET', dead, id, now .. ' ' .. count .. ' ' .. #reason .. ' ' .. reason .. value)
  tryCall('ZADD', died, instant, id)
end

-- The hash back has a field "<id> <count>" for each item that was put back. The
-- first of several items with equal values has it under "v" and the value. Each
-- further one has it under "n" and the id of the equal item before it. So
-- putting an item back costs the same, however many items have an equal value.

-- pushFront returns two functions that put items back at the front of a queue.
-- Call add for each item, beginning with the last one, and then flush. The
-- items come before those with equal values that are in the queue.
local function pushFront(queue, back)
  local firsts, values = {}, {}
  local function add(id, count, value)
    local first = firsts[value]
    if first == nil then first = redis.call('HGET', back, 'v' .. value) end
    if first then redis.call('HSET', back, 'n' .. id, first) end
    firsts[value] = id .. ' ' .. count
    values[#values + 1] = value
  end
  local function flush()
    local fields = {}
    for value, first in pairs(firsts) do
      fields[#fields + 1] = 'v' .. value
      fields[#fields + 1] = first
    end
    callInPages('LPUSH', queue, values)
    callInPages('HSET', back, fields)
  end
  return add, flush
end

-- forgetTaken removes the ids of items that other programs took off the queue,
-- if back has more fields than the queue has items. It works on one page of
-- fields, and only if the queue is no longer than a page.
local function forgetTaken(queue, back)
  local length, held = redis.call('LLEN', queue), redis.call('HLEN', back)
  if held <= length or length > page then return end
  local present, steps = {}, 0
  for _, value in ipairs(redis.call('LRANGE', queue, 0, -1)) do present[value] = (present[value] or 0) + 1 end
  local fields = held <= 2 * page and redis.call('HKEYS', back) or redis.call('HRANDFIELD', back, page)
  for _, field in ipairs(fields) do
    if string.sub(field, 1, 1) == 'v' then
      local left = present[string.sub(field, 2)] or 0
      while field and steps < 2 * page do
        local id = string.match(redis.call('HGET', back, field) or '', '^%S+')
        if left <= 0 then redis.call('HDEL', back, field) end
        left, steps = left - 1, steps + 1
        field = id and 'n' .. id
        if field and redis.call('HEXISTS', back, field) == 0 then field = nil end
      end
    end
  end
end
