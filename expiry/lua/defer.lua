-- Puts claimed work back, where it is still the caller's: after a failure, or
-- released by a listener that stops.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- KEYS[3]  dead
-- ARGV[1]  member
-- ARGV[2]  attempt
-- ARGV[3]  milliseconds until the next attempt
-- ARGV[4]  how many failures make it a dead letter; '0': this is no failure
-- ARGV[5]  the error's text
--
-- Result: 0 not the caller's any more, 1 put back, 2 a dead letter. A repeat of
-- the call answers the same and changes nothing. While dead cannot hold the dead
-- letter, the work is put back.
local bad = wrong(KEYS[1], 'ZCARD') or wrong(KEYS[2], 'HLEN')
if bad then return bad end
local now = math.ceil(clock() / 1000)
local a, f, l, state, why = attempts(redis.call('HGET', KEYS[2], ARGV[1]))
if int(a) ~= ARGV[2] then return 0 end
if state ~= '0' then return tonumber(state) end
local most, delay = tonumber(ARGV[4]), tonumber(ARGV[3])
if most > 0 then
  f = f + 1
  why = ARGV[5]
end
if most > 0 and f >= most then
  if not wrong(KEYS[3], 'ZCARD') then
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('ZADD', KEYS[3], int(now), ARGV[1])
    redis.call('HSET', KEYS[2], ARGV[1], record(a, f, l, '2', why))
    return 2
  end
  delay = math.max(delay, 1000)
end
redis.call('ZADD', KEYS[1], int(now + delay), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], record(a, f, l, '1', why))
wake(KEYS[1], delay)
return 1
