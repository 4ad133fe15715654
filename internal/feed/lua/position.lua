-- The position of the last entry of a feed, for the scripts that add one. The
-- file follows preamble.lua.
--
-- The id of an entry is `<ms>-<number>`. The number is a random base of 11
-- digits, which the first entry of a feed chooses, and a count of 8 digits. Each
-- entry has the next number, so a reader that has two entries knows whether one
-- is missing between them. The ms never decrease.
--
-- KEYS[1]  the feed
-- ARGV[5]  '1' if messages are published with SPUBLISH, otherwise ''
-- ARGV[6]  the channel of the feed
-- ARGV[7]  the base of a new feed
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
existed = last ~= nil
local clock = redis.call('TIME')
local ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local base, count, ended = ARGV[7], 0, false
if last then
  local lastMS, lastBase, lastCount = string.match(last[1], '^(%d+)%-(%d%d%d%d%d%d%d%d%d%d%d)(%d%d%d%d%d%d%d%d)$')
  if not lastCount then
    return redis.error_reply('WRONGTYPE Operation against a stream whose last entry is not one of a feed')
  end
  ms, base, count = math.max(ms, tonumber(lastMS)), lastBase, tonumber(lastCount)
  ended = last[2][1] == 'end'
end

-- nextID returns the id of the next entry.
local function nextID()
  count = count + 1
  if count > 99999999 then base, count = string.format('%.0f', base + 1), 0 end
  return string.format('%.0f-%s%08d', ms, base, count)
end

-- publish wakes the followers. The user may lack the permission for that.
local function publish(command, message) redis.pcall(command, ARGV[6], message) end

-- wake tells the followers the id of the last entry.
local function wake(message)
  if ARGV[5] == '1' then publish('SPUBLISH', message) else publish('PUBLISH', message) end
end
