-- Recognizes the keys of a schedule's triggers.
local hashTag = string.match(KEYS[1], '%%exp({.-}):')

-- Reports whether a key can be that of a trigger of this schedule: it holds the
-- literals that the keys of all its triggers share, in their order, and has the
-- schedule's hash tag. The literals are ARGV from `first`.
local function isTriggerKey(key, first)
  local brace = hashTag and string.find(key, '{', 1, true)
  if hashTag and not (brace and string.sub(key, brace, brace + #hashTag - 1) == hashTag) then return false end
  local last = #ARGV
  if string.sub(key, 1, #ARGV[first]) ~= ARGV[first] then return false end
  local at = #ARGV[first] + 1
  for i = first + 1, last - 1 do
    local _, found = string.find(key, ARGV[i], at, true)
    if not found then return false end
    at = found + 1
  end
  return at <= #key - #ARGV[last] + 1 and string.sub(key, #key - #ARGV[last] + 1) == ARGV[last]
end
