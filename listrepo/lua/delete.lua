-- Delete: removes the keys beside a queue. A call removes one page of claims,
-- and the last call removes the other keys too, and the queue from the schedule.
--
-- KEYS[1]  the queue
-- KEYS[2]  due
-- KEYS[3 .. 8]  the other keys beside the queue
-- KEYS[9]  %tenants of the schedule; may be missing
-- ARGV[5]  the part of a claim's key that follows the token
-- ARGV[6]  the queue's member of the schedule
-- ARGV[7]  its tenant
-- Result: 1 if there are more claims, else 0.
if isType(KEYS[2], 'zset') then
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
redis.call('UNLINK', '%died' .. ARGV[5], '%origins' .. ARGV[5], '%claimed-origins' .. ARGV[5], unpack(KEYS, 2, 8))
if KEYS[9] then reschedule(KEYS[9], ARGV[7], ARGV[6], KEYS[1], ARGV[5]) end
return 0
