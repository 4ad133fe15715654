-- Removes what stands beside a queue: a page of its claims, and after the last
-- page the rest.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3 ..]  the other keys of the queue's own
-- ARGV[5]  what follows the token in a claim's key
-- Result: 1 if there are more claims, else 0.
if isA(KEYS[2], 'zset') then
  local headers = redis.call('ZRANGE', KEYS[2], 0, claimsPage - 1)
  for _, header in ipairs(headers) do
    local list, done = keysOf(header, ARGV[5])
    if list then redis.call('UNLINK', list, done) end
  end
  if #headers == claimsPage then
    redis.call('ZREMRANGEBYRANK', KEYS[2], 0, claimsPage - 1)
    return 1
  end
end
redis.call('UNLINK', unpack(KEYS, 2))
return 0
