-- Removes what stands beside a queue.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3 ..]  the other keys of the queue's own
-- ARGV[5]  what follows the token in a claim's key
-- Result: 1.
for _, header in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local token = tokenOf(header)
  redis.call('UNLINK', own('claim', token, ARGV[5]), own('done', token, ARGV[5]))
end
redis.call('UNLINK', unpack(KEYS, 2))
return 1
