-- Does what ack.lua says if nothing waits for the firings. It precedes all other
-- code of the script, so that the usual case does not pay for that. It defines
-- no functions, since each call would make them anew. KEYS and ARGV are those of
-- ack.lua.
--
-- It leaves to ack.lua: `lost`; `ended`, the keys of the triggers for whose turns
-- others wait; and `refused`, an error because of which nothing was done.
local active, status, payloads = KEYS[1], KEYS[2], KEYS[3]
local fields, dueTimes, keys = {}, {}, {}
for i = 1, #ARGV, 2 do -- see splitName and turnField in status.lua
  dueTimes[i], keys[i] = string.match(ARGV[i], '^(%-?%d+)|(.+)$')
  fields[i], fields[i + 1] = ARGV[i], '=|' .. (keys[i] or '')
end
local values, held = redis.pcall('HMGET', status, unpack(fields)), redis.pcall('HLEN', payloads)
local refused = values.err and values or type(held) == 'table' and held
local lost, done, gone, ended = {}, {}, {}, {}
for i = 1, #ARGV, 2 do -- see isClaimedBy in status.lua
  local claimed, awaited = string.match(values[i] or '', '^(%d+) %d+ %d+ 0(%+?) ')
  if claimed ~= ARGV[i + 1] then
    lost[#lost + 1] = (i + 1) / 2
  else
    done[#done + 1], gone[#gone + 1] = ARGV[i], ARGV[i]
    if keys[i] and values[i + 1] == dueTimes[i] then
      gone[#gone + 1] = fields[i + 1]
      if awaited == '+' then ended[#ended + 1] = keys[i] end
    end
  end
end
if #done > 0 and not refused then
  local removed = redis.pcall('ZREM', active, unpack(done))
  if type(removed) == 'table' then
    refused = removed
  else
    redis.call('HDEL', status, unpack(gone))
    if held > 0 then redis.call('HDEL', payloads, unpack(done)) end
  end
end
if #ended == 0 and not refused then return lost end
