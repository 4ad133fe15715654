package keyspace

import "strings"

// Beside returns a reserved key that belongs to the record at key, such as the
// key of its lease or of its dead letters. It lies in the record's cluster
// slot, and two different records never share it. The key is the whole key as
// Redis sees it, with the pool's prefix if there is one.
//
//	acme:user:u1             %lease:{acme:user:u1}
//	pending_batches:{mail}   %lease:pending_batches:{mail}
//
// The kind is a constant: a lower-case letter, then letters, digits and "-".
//
// Two rare forms begin with "%<kind>%:". They avoid a collision and a change of
// slot:
//   - If key consists of a hash tag only, such as "{mail}", the result is
//     "%lease%:{mail}", because "%lease:{mail}" belongs to the key "mail".
//   - If key contains a "}" but has no hash tag, such as "a}b", it cannot be
//     put in braces. The result is "%lease%:{tag}a}b" with a tag of the same
//     slot.
func Beside(kind, key string) string {
	end := strings.IndexByte(key, '}')
	switch {
	case end < 0:
		return "%" + kind + ":{" + key + "}"
	case hashTag(key) == "":
		return "%" + kind + "%:{" + tagOfSlot(slotOf(key)) + "}" + key
	case key[0] == '{' && end == len(key)-1:
		return "%" + kind + "%:" + key
	}
	return "%" + kind + ":" + key
}

// ParseBeside returns the kind and the record of a key that [Beside] returned.
// It reports false for other keys.
func ParseBeside(beside string) (kind, key string, ok bool) {
	rest, ok := strings.CutPrefix(beside, "%")
	kind, rest, found := strings.Cut(rest, ":")
	if !ok || !found || rest == "{}" {
		return "", "", false
	}
	kind = strings.TrimSuffix(kind, "%")
	candidates := []string{rest}
	if strings.HasPrefix(rest, "{") {
		_, afterTag, _ := strings.Cut(rest, "}")
		candidates = append(candidates, strings.TrimSuffix(rest[1:], "}"), afterTag)
	}
	for _, key := range candidates {
		if isReserved("%"+kind) && Beside(kind, key) == beside {
			return kind, key, true
		}
	}
	return "", "", false
}
