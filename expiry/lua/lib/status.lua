-- Reads and writes the status of a firing: `<attempts> <failures> <expirations>
-- <state> <last error>`. Expirations are expired leases. The state is 0 while a
-- worker has claimed the firing, 1 while it waits for its next attempt, and 2
-- when it is a dead letter.
local function toCount(digits) return math.min(tonumber(digits) or 0, 1000000000) end

-- Returns attempts, failures, expirations, state and last error. A status that is
-- missing or invalid reads as that of a firing without attempts, which waits.
local function parseStatus(status)
  local attempts, failures, expirations, state, lastError =
    string.match(status or '', '^(%d+) (%d+) (%d+) ([012]) (.*)$')
  return toCount(attempts), toCount(failures), toCount(expirations), state or '1', lastError or ''
end

local function formatStatus(attempts, failures, expirations, state, lastError)
  return string.format('%.0f %.0f %.0f ', attempts, failures, expirations) .. state .. ' ' .. lastError
end

-- Reports whether a firing is claimed, and by this attempt.
local function isClaimedBy(status, attempt)
  return status and string.match(status, '^(%d+) %d+ %d+ 0 ') == attempt
end
