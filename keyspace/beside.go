package keyspace

import "strings"

// Beside gives the key of something of the library's own that belongs to one
// record, such as its lease or its dead letters. It lies in the record's slot of
// a cluster, whatever the record's key, and two records never share it. key is
// the whole key as Redis sees it, with a pool's prefix if it has one.
//
//	acme:user:u1             %lease:{acme:user:u1}
//	pending_batches:{mail}   %lease:pending_batches:{mail}
//
// kind is a constant: a lower-case letter, then letters, digits and "-".
//
// Two rare forms keep apart what would meet or move, and are marked "%<kind>%:".
// A key that is nothing but a tag, "{mail}", gives "%lease%:{mail}", since
// "%lease:{mail}" belongs to the key "mail". A key with a "}" that closes no tag
// cannot be put in braces, so a tag made for its slot goes before it:
// "a}b" gives "%lease%:{" + tag + "}a}b".
func Beside(kind, key string) string {
	end := strings.IndexByte(key, '}')
	switch {
	case end < 0:
		return "%" + kind + ":{" + key + "}"
	case hashTag(key) == "":
		return "%" + kind + "%:{" + slotTag(slot(key)) + "}" + key
	case key[0] == '{' && end == len(key)-1:
		return "%" + kind + "%:" + key
	}
	return "%" + kind + ":" + key
}

// hashTag gives what a cluster hashes in place of the key: the text between the
// first "{" and the first "}" after it. Empty: the whole key is hashed.
func hashTag(key string) string {
	_, after, _ := strings.Cut(key, "{")
	tag, _, closed := strings.Cut(after, "}")
	if !closed {
		return ""
	}
	return tag
}

// Slot gives the slot of a key on a cluster, from 0 to [Slots]-1: that of its
// hash tag where it has one. key is the whole key as Redis sees it.
func Slot(key string) uint16 {
	if tag := hashTag(key); tag != "" {
		key = tag
	}
	return slot(key)
}

// slot gives the slot of a key that has no hash tag.
func slot(key string) uint16 {
	return crc16(key) % Slots
}

// Slots is how many slots a cluster has.
const Slots = 16384

const polynomial = 0x1021

// crc16 is the checksum of the cluster specification, CRC-16/XMODEM.
func crc16(s string) (crc uint16) {
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			crc = crc<<1 ^ crc>>15*polynomial
		}
	}
	return crc
}

// slotTag gives three letters or digits that lie in the slot. The checksum is
// linear and can be run backwards: of a text x+y, with y two bytes long, y is the
// checksum wanted, 16 steps back, xor the checksum of x.
func slotTag(slot uint16) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for wanted := uint32(slot); wanted < 1<<16; wanted += Slots {
		back := uint16(wanted)
		for range 16 {
			back = (back^back&1*polynomial)>>1 | back<<15
		}
		for i := range alphabet {
			x := alphabet[i : i+1]
			y := back ^ crc16(x)
			a, b := byte(y>>8), byte(y)
			if strings.IndexByte(alphabet, a) >= 0 && strings.IndexByte(alphabet, b) >= 0 {
				return x + string([]byte{a, b})
			}
		}
	}
	panic("keyspace: unreachable: every slot has a tag")
}
