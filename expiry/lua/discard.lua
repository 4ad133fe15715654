-- Discard: removes a dead letter with its status and payload. If it waits to be
-- redelivered, it does not any more.
--
-- KEYS[1]  status
-- KEYS[2]  dead
-- KEYS[3]  payloads
-- ARGV[1]  member
--
-- Result: 1, or 0 if there is no such dead letter. If the status of an entry of
-- dead says that the firing is active, the entry is removed and the result is
-- 0.
local err = wrongType(KEYS[1], 'HLEN') or wrongType(KEYS[2], 'ZCARD') or wrongType(KEYS[3], 'HLEN')
if err then return err end
return discard(KEYS[1], KEYS[2], KEYS[3], ARGV[1]) and 1 or 0
