-- Sets claimed firings aside that cannot be read, where they are as the caller
-- read them.
--
-- KEYS[1]  run
-- KEYS[2]  att
-- KEYS[3]  dead
-- ARGV     member, record, why, and so on
--
-- Result: how many are dead letters now. While dead cannot hold them, they wait.
local bad = wrong(KEYS[1], 'ZCARD') or wrong(KEYS[2], 'HLEN')
if bad then return bad end
local letters = not wrong(KEYS[3], 'ZCARD')
local now = math.floor(clock() / 1000)
local buried = 0
for i = 1, #ARGV, 3 do
  local rec = redis.call('HGET', KEYS[2], ARGV[i])
  if rec == ARGV[i + 1] then
    local a, f, l = attempts(rec)
    if letters then
      redis.call('ZREM', KEYS[1], ARGV[i])
      redis.call('HSET', KEYS[2], ARGV[i], record(a, f + 1, l, '2', ARGV[i + 2]))
      redis.call('ZADD', KEYS[3], int(now), ARGV[i])
      buried = buried + 1
    else
      redis.call('ZADD', KEYS[1], int(now + 1000), ARGV[i])
    end
  end
end
return buried
