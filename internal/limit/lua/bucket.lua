-- Reads a bucket, for take.lua and settle.lua, which follow.
--
-- A bucket is the text "start used": used is the time in microseconds that the
-- units taken since start are worth. When that time has passed, the bucket is
-- full and needs no key.
--
-- KEYS[1]  the bucket
-- ARGV[1]  not used
-- ARGV[2]  the units to take
-- ARGV[3]  the worth of ARGV[4] units in microseconds
-- The arguments of the body start at ARGV[5].
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local start, used = now, 0
local stored = redis.call('GET', KEYS[1])
if stored then
  local since, worth = string.match(stored, '^(%d+) (%d[%d.e+-]*)$')
  since, worth = tonumber(since), tonumber(worth)
  -- No bucket is fuller than 2^53, 285 years.
  if not since or not worth or worth > 9007199254740992 then return redis.error_reply('INVALIDBUCKET') end
  -- The clock of a new primary may be behind.
  if since > now then since = now end
  if worth > now - since then start, used = since, worth end
end
used = used + ARGV[2] * ARGV[3] / ARGV[4]
-- The time until the bucket is full. The sum of start and used would have too
-- many digits for a number.
local ahead = used - (now - start)

