-- Retry: redelivers a dead letter at once, and resets its failures and expired
-- leases. While another firing of the same trigger has the turn, the dead
-- letter waits for that to end.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  dead
-- ARGV[1]  member
--
-- Result: 1 if it is redelivered at once, 2 if it waits, or 0 if there is no
-- such dead letter. A repeated call changes nothing. If the status of an entry
-- of dead says that the firing is active, the entry is removed and the result
-- is 0.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN') or wrongType(KEYS[3], 'ZCARD')
if err then return err end
local at, key = splitName(ARGV[1])
local text, turn = unpack(redis.call('HMGET', KEYS[2], ARGV[1], turnField(key)))
local attempts, _, _, _, lastError = parseStatus(text)
local isActive = text and string.find(text, '^%d+ %d+ %d+ [01]%+? ')
if at and turn and turn ~= at and not isActive and redis.call('ZSCORE', KEYS[3], ARGV[1]) then
  local holder, holderStatus = holderOf(KEYS[1], KEYS[2], key, turn)
  if holder then
    addWaiter(KEYS[2], key, at)
    noteWaiter(KEYS[2], holder, holderStatus)
    return 2
  end
end
if redis.call('ZREM', KEYS[3], ARGV[1]) == 0 then return 0 end
if isActive then return 0 end
writeActive(KEYS[2], ARGV[1], formatStatus(attempts, 0, 0, '1', lastError))
redis.call('ZADD', KEYS[1], int(math.floor(clock() / 1000)), ARGV[1])
wake(KEYS[1], 0)
return 1
