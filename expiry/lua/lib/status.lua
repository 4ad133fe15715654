-- Reads and writes the status of a firing: `<attempts> <failures> <expirations>
-- <state> <last error>`. Expirations are expired leases. The state is 0 while a
-- worker has claimed the firing, 1 while it waits for its next attempt, and 2
-- when it is a dead letter. A `+` after the state 0 or 1 says that others wait
-- until the firing ends (turn.lua).
local function toCount(digits) return math.min(tonumber(digits) or 0, 1000000000) end

-- Returns attempts, failures, expirations, state, last error, and '+' if others
-- wait, else ''. A status that is missing or invalid reads as that of a firing
-- without attempts, which waits for its next one.
local function parseStatus(status)
  local attempts, failures, expirations, state, awaited, lastError =
    string.match(status or '', '^(%d+) (%d+) (%d+) ([012])(%+?) (.*)$')
  return toCount(attempts), toCount(failures), toCount(expirations), state or '1', lastError or '', awaited or ''
end

local function formatStatus(attempts, failures, expirations, state, lastError)
  return string.format('%.0f %.0f %.0f ', attempts, failures, expirations) .. state .. ' ' .. lastError
end

-- Returns nil unless a firing is claimed, and by this attempt. Then it returns
-- '+' if others wait, else ''.
local function isClaimedBy(status, attempt)
  local claimed, awaited = string.match(status or '', '^(%d+) %d+ %d+ 0(%+?) ')
  return claimed == attempt and awaited or nil
end

-- Splits the name of a firing, `<due>|<key>`, into the digits of its due time
-- and its key. It returns nil if the member is not such a name.
local function splitName(member) return string.match(member, '^(%-?%d+)|(.+)$') end

-- Return the fields of status that hold the turn of a trigger, and the firings
-- that wait for it (turn.lua).
local function turnField(key) return '=|' .. (key or '') end
local function waitersField(key) return '+|' .. (key or '') end
