-- RestoreFiring: adds a firing that waits for its next attempt, with the turn of
-- its trigger. While another firing has the turn, it waits for that to end. Or
-- adds a dead letter, unless the same firing is active.
--
-- KEYS[1]  key of the trigger
-- KEYS[2]  active
-- KEYS[3]  status
-- KEYS[4]  payloads
-- KEYS[5]  dead
-- ARGV[1]  due time of the firing
-- ARGV[2]  time of the next attempt, or at which the firing became a dead letter
-- ARGV[3]  attempts
-- ARGV[4]  failures
-- ARGV[5]  expired leases
-- ARGV[6]  the last error
-- ARGV[7]  '1' if it is a dead letter, else ''
-- ARGV[8]  the payload; may be missing
--
-- Result: 1, or the error WRONGTYPE.
local key, active, status, payloads, dead = unpack(KEYS)
local err = wrongType(active, 'ZCARD') or wrongType(status, 'HLEN') or wrongType(payloads, 'HLEN') or wrongType(dead, 'ZCARD')
if err then return err end
local member = ARGV[1] .. '|' .. key
if ARGV[7] == '1' then
  if redis.call('ZSCORE', active, member) then return 1 end
  redis.call('HSET', status, member, formatStatus(toCount(ARGV[3]), toCount(ARGV[4]), toCount(ARGV[5]), '2', ARGV[6]))
  redis.call('ZADD', dead, ARGV[2], member)
  if ARGV[8] then
    redis.call('HSET', payloads, member, ARGV[8])
  else
    redis.call('HDEL', payloads, member)
  end
  return 1
end
local text, turn = unpack(redis.call('HMGET', status, member, turnField(key)))
local _, _, _, _, _, awaited = parseStatus(text)
local newStatus = formatStatus(toCount(ARGV[3]), toCount(ARGV[4]), toCount(ARGV[5]), '1' .. awaited, ARGV[6])
if turn and turn ~= ARGV[1] and holderOf(active, status, key, turn) then
  redis.call('HSET', status, member, newStatus) -- claim lets it wait
else
  writeActive(status, member, newStatus)
end
redis.call('ZADD', active, ARGV[2], member)
redis.call('ZREM', dead, member)
if ARGV[8] then
  redis.call('HSET', payloads, member, ARGV[8])
else
  redis.call('HDEL', payloads, member)
end
local delay = ARGV[2] - clock() / 1000
if delay < 0 then noteEarlier(active, 'f' .. member) end
wake(active, delay)
return 1
