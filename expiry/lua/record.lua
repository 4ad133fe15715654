-- How the record of claimed work is read and written: `<attempts> <failures>
-- <lapses> <state> <last error>`; the state is 0 claimed, 1 waiting for its next
-- attempt, 2 dead.
local function count(digits) return math.min(tonumber(digits) or 0, 1000000000) end

local function attempts(rec)
  local a, f, l, s, why = string.match(rec or '', '^(%d+) (%d+) (%d+) ([012]) (.*)$')
  return count(a), count(f), count(l), s or '1', why or ''
end

local function record(a, f, l, state, why)
  return string.format('%.0f %.0f %.0f ', a, f, l) .. state .. ' ' .. why
end

-- Says whether a record is that of this attempt, and still claimed.
local function claimed(rec, attempt)
  return rec and string.match(rec, '^(%d+) %d+ %d+ 0 ') == attempt
end
