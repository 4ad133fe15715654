-- What the scripts about claims share. It follows rule.lua.
--
-- A claim is a list of values as they stood in the queue, and a header, which is
-- its member of due. The header begins with the claim's birth, the server's time
-- in microseconds, "-" and the token, and then names the items that were delivered
-- before, " <place>=<id>=<count>" each. All others are delivered for the first
-- time: their count is "1" and their id is "<birth>-<token>-<place>". So an id
-- tells for ever where an item stood among all that were claimed.
--
-- A count is the number of an item's deliveries, "3". If the item was returned, it
-- is "3~1": one of the three deliveries does not count towards MaxAttempts.
--
-- An expired claim that is too long for one script is worked off in pages. It is
-- renamed, so that its holder has lost it, and "+" and the number of items worked
-- off follow the token.

-- page is how much of anything one call of a script works on.
local page = 500

-- claimsPage is the same for claims, whose headers name up to a page of items.
local claimsPage = 100

-- pageBytes is how many bytes of items one call reads before it takes no more.
local pageBytes = 1024 * 1024

-- longest is the longest lifetime in milliseconds that every server takes.
local longest = 9223372036854

-- own is a key of the claim with that token; tail is what follows the token.
local function own(kind, token, tail) return '%' .. kind .. '-' .. token .. tail end

-- keysOf returns the keys of the claim with that header, its items and the places
-- of those that are settled, its token, and how many items were worked off. It
-- returns nothing if that is no header.
local function keysOf(header, tail)
  local token, offset = string.match(header, '^%d+%-(%w+)%+?(%d*)')
  if not token then return end
  return own(offset == '' and 'claim' or 'rest', token, tail), own('done', token, tail), token, tonumber(offset) or 0
end

-- score reads the score of an entry, a whole number. One that is beyond what a
-- script can count with, which nothing of ours writes, is 0.
local function score(text)
  local n = tonumber(text or 0)
  return n and math.abs(n) < 2 ^ 53 and math.floor(n) or 0
end

-- isA reports whether a key holds that type, or nothing.
local function isA(key, kind)
  local held = redis.call('TYPE', key)['ok']
  return held == kind or held == 'none'
end

-- mistyped is the error for a key that holds another type.
local function mistyped(key)
  return redis.error_reply('WRONGTYPE Operation against a key holding the wrong kind of value: ' .. key)
end

-- bulk sends a command with arguments that are too many for one call.
local function bulk(command, key, args)
  for i = 1, #args, page do
    redis.call(command, key, unpack(args, i, math.min(i + page - 1, #args)))
  end
end

-- front reads up to n items of a list, fewer if they are big: it asks for as many
-- again as it has, until it has read pageBytes.
local function front(list, n)
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

-- split returns the deliveries of a count, and how many of them do not count. It
-- returns nothing if that is no count.
local function split(count)
  local deliveries, free = string.match(count, '^(%d+)~?(%d*)$')
  if deliveries and #count < 16 then return tonumber(deliveries), tonumber(free) or 0 end
end

-- join is the inverse of split.
local function join(deliveries, free)
  return deliveries .. (free > 0 and '~' .. free or '')
end

-- attempts is how many deliveries count towards MaxAttempts.
local function attempts(count)
  local deliveries, free = split(count)
  return deliveries - free
end

-- numbers reads a header up to the place last: a function from an item's place to
-- its id and count, and the rest of the header, which names the places behind last.
-- Places ascend.
local function numbers(header, last)
  local first, named, at, rest = string.match(header, '^%d+%-%w+'), {}, 1, ''
  while true do
    local from, to, place, id, count = string.find(header, ' (%d+)=([^=%s]+)=(%d+~?%d*)', at)
    if not from then break end
    if tonumber(place) > last then
      rest = string.sub(header, from)
      break
    end
    if #count < 16 then named[tonumber(place)] = {id, count} end
    at = to + 1
  end
  local function number(place)
    local n = named[place]
    if n then return n[1], n[2] end
    return first .. '-' .. place, '1'
  end
  return number, rest
end

-- live gives a key at least that lifetime; below 0 takes away the one it has.
local function live(key, ms)
  if ms < 0 then
    redis.call('PERSIST', key)
  elseif redis.call('PTTL', key) < ms then
    redis.call('PEXPIRE', key, math.min(ms, longest))
  end
end

-- outlive keeps what stands beside a queue from ending before the queue: the keys
-- of its own, and its claims from the one with that number on, counted from 1, a
-- page of them. They are those whose lease has expired, since the others live for
-- longer than that. They are all claims if the queue has a lifetime and they have
-- none, or the other way round, and if the number is below 0. outlive returns the
-- number to go on from, below 0 for all claims, and 0 after the last.
local function outlive(queue, tail, from)
  local due, again, back = '%due' .. tail, '%again' .. tail, '%back' .. tail
  if redis.call('EXISTS', due, again, back) == 0 then return 0 end
  if not isA(due, 'zset') then return 0 end -- what the script wrote before holds all the same
  local left = redis.call('PTTL', queue)
  if left == -2 then return 0 end
  live(again, left)
  live(back, left)
  local lives = redis.call('PTTL', due)
  if lives == -2 then return 0 end
  local all = from < 0 or (lives < 0) ~= (left < 0)
  local last = redis.call('ZREVRANGE', due, 0, 0, 'WITHSCORES')
  live(due, left < 0 and left or left + math.min(math.max(score(last[2]) - now, 0), longest))

  from = math.abs(from) - 1
  local claims = redis.call('ZRANGEBYSCORE', due, '-inf', all and '+inf' or now, 'WITHSCORES', 'LIMIT', from, claimsPage)
  for i = 1, #claims, 2 do
    local list, done = keysOf(claims[i], tail)
    if list then
      local lease = math.min(math.max(score(claims[i + 1]) - now, 0), longest)
      live(list, left < 0 and left or left + lease)
      live(done, left < 0 and left or left + lease)
    end
  end
  if #claims < 2 * claimsPage then return 0 end
  return (all and -1 or 1) * (from + claimsPage + 1)
end

-- renewed renews the queue's lifetime and returns the number from which outlive has
-- to begin. It is that of all claims if the queue is new or had less than half of the
-- lifetime left: a service with a shorter one may have made claims that end first.
local function renewed(queue)
  local left = ARGV[2] ~= '0' and (existed and redis.call('PTTL', queue) or 0)
  renew()
  return left and left >= 0 and left < ARGV[2] / 2 and -1 or 1
end

-- park makes an item a dead letter. Those have no lifetime.
local function park(dead, id, count, value, reason)
  redis.call('HSET', dead, id, now .. ' ' .. count .. ' ' .. #reason .. ' ' .. reason .. value)
end

-- Numbers of items that were put back stand in the hash back, one field each: the
-- first by its value, after "v", and each one behind it, which has an equal value,
-- by the id of the one before, after "n". Nothing costs more for five hundred equal
-- items than for as many others.

-- fronts puts items back in front of a queue: add for each of them, the last one
-- first, and then done. Their numbers come before those of equal ones, which stand
-- behind them.
local function fronts(queue, back)
  local tops, values = {}, {}
  local function add(id, count, value)
    local top = tops[value]
    if top == nil then top = redis.call('HGET', back, 'v' .. value) end
    if top then redis.call('HSET', back, 'n' .. id, top) end
    tops[value] = id .. ' ' .. count
    values[#values + 1] = value
  end
  local function done()
    local fields = {}
    for value, top in pairs(tops) do
      fields[#fields + 1] = 'v' .. value
      fields[#fields + 1] = top
    end
    bulk('LPUSH', queue, values)
    bulk('HSET', back, fields)
  end
  return add, done
end

-- forget drops the numbers of items that others took off the queue, if there are
-- more of them than items. It looks at a page of them, and only if the queue is no
-- longer than a page.
local function forget(queue, back)
  local length, held = redis.call('LLEN', queue), redis.call('HLEN', back)
  if held <= length or length > page then return end
  local there, steps = {}, 0
  for _, value in ipairs(redis.call('LRANGE', queue, 0, -1)) do there[value] = (there[value] or 0) + 1 end
  local fields = held <= 2 * page and redis.call('HKEYS', back) or redis.call('HRANDFIELD', back, page)
  for _, field in ipairs(fields) do
    if string.sub(field, 1, 1) == 'v' then
      local left = there[string.sub(field, 2)] or 0
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
