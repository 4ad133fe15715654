-- The position of the last entry of a feed, for the scripts that add one.
--
-- The id of an entry is `<ms>-<number>`. The ms have 13 digits and never
-- decrease. The number is a random base of 11 digits, which the first entry of a
-- feed chooses, and a count of 8 digits. Each entry has the next number, so a
-- reader that has two entries knows whether one is missing between them.
--
-- KEYS[1]  the feed
-- ARGV[1]  the lifetime in milliseconds, '0' for none, or '' if an existing feed
--          keeps its lifetime
-- ARGV[2]  the condition: '', 'exists' or 'absent'
-- ARGV[3]  the lifetime of a new feed
-- ARGV[4]  '1' if messages are published with SPUBLISH, otherwise ''
-- ARGV[5]  the channel of the feed
-- ARGV[6]  the base of a new feed
-- ARGV[7]  how many entries with a value are kept
-- Result: that of the file that follows, or the status NOTFOUND or EXISTS if the
-- condition does not hold.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', '1')[1]
if ARGV[2] == 'exists' and not last then return redis.status_reply('NOTFOUND') end
if ARGV[2] == 'absent' and last then return redis.status_reply('EXISTS') end
local clock = redis.call('TIME')
local ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local base, count, ended = ARGV[6], 0, false
if last then
  local lastID, name = last[1], last[2][1]
  if #lastID ~= 33 or string.sub(lastID, 14, 14) ~= '-' or name ~= 'v' and name ~= 'end' then
    return redis.error_reply('WRONGTYPE Operation against a stream whose last entry is not one of a feed')
  end
  ms = math.max(ms, tonumber(string.sub(lastID, 1, 13)))
  base, count, ended = string.sub(lastID, 15, 25), tonumber(string.sub(lastID, 26)), name == 'end'
end
