-- beginSweep: begins a sweep of each action, unless another listener sweeps it
-- now or has done so.
--
-- KEYS     of each action:
--            swept: when the last finished sweep began, in microseconds
--            sweeping: the name of the listener that sweeps now
--            due, active, status, dead, payloads
-- ARGV[1]  how long ago the sweep was requested, in microseconds
-- ARGV[2]  name of the caller
-- ARGV[3]  how long the caller may sweep without a call of renewSweep, in
--          milliseconds
--
-- Result: for each action 0 if a sweep that began after the request has
-- finished, 1 if another listener sweeps, else the time in microseconds, and the
-- caller sweeps; followed by a digit for each of its last five keys, 1 if the
-- key exists. A time in the future and a lifetime longer than ARGV[3] are
-- ignored: the clock was set back, or another client wrote them. If a key holds
-- another type, every listener sweeps.
local now, out = clock(), {}
for i = 1, #KEYS, 7 do
  local swept, sweeping, began = redis.pcall('GET', KEYS[i]), redis.pcall('GET', KEYS[i + 1]), int(now)
  swept = type(swept) == 'string' and tonumber(swept)
  if swept and swept <= now and swept > now - tonumber(ARGV[1]) then
    began = '0'
  elseif type(sweeping) == 'string' then
    local left = redis.call('PTTL', KEYS[i + 1])
    if left >= 0 and left <= tonumber(ARGV[3]) then began = '1' end
  end
  if #began > 1 and type(sweeping) ~= 'table' then redis.call('SET', KEYS[i + 1], ARGV[2], 'PX', ARGV[3]) end
  local existing = ''
  for k = i + 2, i + 6 do existing = existing .. redis.call('EXISTS', KEYS[k]) end
  out[#out + 1], out[#out + 2] = began, existing
end
return out
