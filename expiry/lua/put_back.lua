-- putBack: ends an attempt that failed, or that a stopping listener releases,
-- if the caller's claim is valid.
--
-- KEYS[1]  active
-- KEYS[2]  status
-- KEYS[3]  dead
-- KEYS[4]  due
-- KEYS[5]  payloads; given with ARGV[6]
-- ARGV[1]  member
-- ARGV[2]  attempt
-- ARGV[3]  milliseconds until the next attempt
-- ARGV[4]  number of failures that makes a dead letter; '0' if the attempt did
--          not fail
-- ARGV[5]  text of the error
-- ARGV[6]  rule with its length, if the trigger is recurring; may be missing
-- ARGV[7]  when it is due next, after a dead letter; given with ARGV[6]
--
-- Result: 0 if the claim was lost, 1 if the firing waits for its next attempt,
-- 2 if it is a dead letter. A repeated call returns the same and changes
-- nothing. If dead holds another type, the firing waits instead.
local err = wrongType(KEYS[1], 'ZCARD') or wrongType(KEYS[2], 'HLEN') or KEYS[5] and (wrongType(KEYS[4], 'ZCARD') or wrongType(KEYS[5], 'HLEN'))
if err then return err end
local now = math.ceil(clock() / 1000)
local attempts, failures, expirations, state, lastError, awaited = parseStatus(redis.call('HGET', KEYS[2], ARGV[1]))
if int(attempts) ~= ARGV[2] then return 0 end
if state ~= '0' then return tonumber(state) end
local delay, maxFailures = tonumber(ARGV[3]), tonumber(ARGV[4])
if maxFailures > 0 then
  failures = failures + 1
  lastError = ARGV[5]
end
if maxFailures > 0 and failures >= maxFailures then
  if not wrongType(KEYS[3], 'ZCARD') then
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('ZADD', KEYS[3], int(now), ARGV[1])
    redis.call('HSET', KEYS[2], ARGV[1], formatStatus(attempts, failures, expirations, '2', lastError))
    if ARGV[6] then setAgain(KEYS[4], KEYS[5], ARGV[1], ARGV[6], tonumber(ARGV[7]), now) end
    endTurn(KEYS[4], KEYS[1], KEYS[2], KEYS[3], ARGV[1], awaited, now)
    return 2
  end
  delay = math.max(delay, 1000)
end
redis.call('ZADD', KEYS[1], int(now + delay), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], formatStatus(attempts, failures, expirations, '1' .. awaited, lastError))
wake(KEYS[1], delay)
return 1
