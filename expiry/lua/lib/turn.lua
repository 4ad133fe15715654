-- Keeps the firings of a trigger from overlapping. It needs check.lua,
-- trigger.lua, status.lua and wake.lua.
--
-- The field `=|<key>` of status is the turn of a trigger: it holds the due time
-- of the firing `<due>|<key>`. A firing has the turn from its first claim until
-- it is acknowledged or becomes a dead letter. Meanwhile
--   - a trigger that is due waits in due, with the score at which to look again
--     and with its due time in the value of its key;
--   - a dead letter that is retried waits in dead, and its due time is in the
--     list `+|<key>` of status, separated by spaces.
-- The `+` in the status of the firing says that some of these wait. Whoever
-- ends the turn then starts the next one.

-- Returns the firing that has the turn, and its status, if the turn belongs to
-- the firing `at`. It returns nil if that firing does not exist or is dead.
local function holderOf(active, status, key, at)
  local holder = at .. '|' .. key
  local text = redis.call('HGET', status, holder)
  local state = string.match(text or '', '^%d+ %d+ %d+ ([012])%+? ')
  if state == '2' or not state and not redis.call('ZSCORE', active, holder) then return nil end
  return holder, text
end

-- Notes in the status of a firing that others wait until it ends, and reports
-- whether that was new.
local function noteWaiter(status, holder, text)
  local attempts, failures, expirations, state, lastError, awaited = parseStatus(text)
  if awaited == '+' then return false end
  redis.call('HSET', status, holder, formatStatus(attempts, failures, expirations, state .. '+', lastError))
  return true
end

-- Writes the status of a firing that is active, and so has the turn.
local function writeActive(status, member, newStatus)
  local at, key = splitName(member)
  if at then
    redis.call('HSET', status, member, newStatus, turnField(key), at)
  else
    redis.call('HSET', status, member, newStatus)
  end
end

-- Adds a firing to those that wait for the turn of its trigger.
local function addWaiter(status, key, at)
  local list = redis.call('HGET', status, waitersField(key))
  if list and string.find(' ' .. list .. ' ', ' ' .. at .. ' ', 1, true) then return end
  redis.call('HSET', status, waitersField(key), list and list .. ' ' .. at or at)
end

-- Gives the turn to the first waiting firing that can still be delivered, and
-- reports whether there was one. It is delivered at once.
local function startWaiter(active, status, dead, key, now)
  local list = redis.call('HGET', status, waitersField(key))
  if not list then return false end
  local found
  for at, rest in string.gmatch(list, '(%-?%d+)()') do
    local member = at .. '|' .. key
    local text = redis.call('HGET', status, member)
    local attempts, failures, expirations, state, lastError = parseStatus(text)
    if text and state ~= '0' or not text and redis.call('ZSCORE', dead, member) then
      if state == '2' then failures, expirations = 0, 0 end
      writeActive(status, member, formatStatus(attempts, failures, expirations, '1+', lastError))
      redis.call('ZREM', dead, member)
      redis.call('ZADD', active, int(now), member)
      wake(active, 0)
      list, found = string.match(string.sub(list, rest), '^%s*(.*)$'), true
      break
    end
  end
  if found and list ~= '' then
    redis.call('HSET', status, waitersField(key), list)
  else
    redis.call('HDEL', status, waitersField(key))
  end
  return found
end

-- Moves a waiting trigger back to its due time. If another client changed its
-- key, claim looks at it at once.
local function releaseTrigger(due, key, now)
  local score = tonumber(redis.call('ZSCORE', due, key))
  if not score then return end
  local value = readKey(key, true)
  local at = math.min(score, value and parse(value).due or now)
  redis.call('ZADD', due, int(at), key)
  if at <= now then noteEarlier(due, 't' .. key) end
  wakeIfFirst(due, key, at - now)
end

-- Starts whatever waits for a turn that has ended: first a dead letter that was
-- retried, then the trigger. If a key holds another type, they wait on.
local function startNext(due, active, status, dead, key, now)
  if not wrongType(dead, 'ZCARD') and startWaiter(active, status, dead, key, now) then return end
  if not wrongType(due, 'ZCARD') then releaseTrigger(due, key, now) end
end

-- Ends the turn of a firing that is not active any more, if it has the turn.
local function endTurn(due, active, status, dead, member, awaited, now)
  local at, key = splitName(member)
  if not at or redis.call('HGET', status, turnField(key)) ~= at then return end
  redis.call('HDEL', status, turnField(key))
  if awaited == '+' then startNext(due, active, status, dead, key, now) end
end
