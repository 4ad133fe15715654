package keyspace

import "strings"

// Slots is the number of slots of a cluster.
const Slots = 16384

// Slot returns the cluster slot of a key, from 0 to [Slots]-1. If the key has a
// hash tag, the slot is that of the tag. The key is the whole key as Redis sees
// it, with the pool's prefix if there is one.
func Slot(key string) uint16 {
	if tag := hashTag(key); tag != "" {
		key = tag
	}
	return slotOf(key)
}

// hashTag returns the text between the first "{" and the first "}" after it,
// which a cluster hashes in place of the key. If there is no such text, hashTag
// returns "", and the cluster hashes the whole key.
func hashTag(key string) string {
	_, after, _ := strings.Cut(key, "{")
	tag, _, closed := strings.Cut(after, "}")
	if !closed {
		return ""
	}
	return tag
}

// slotOf returns the slot of a text, all of which is hashed.
func slotOf(text string) uint16 {
	return crc16(text) % Slots
}

const polynomial = 0x1021

// crc16 returns the checksum of the cluster specification, CRC-16/XMODEM.
func crc16(s string) (crc uint16) {
	for i := range len(s) {
		crc ^= uint16(s[i]) << 8
		for range 8 {
			crc = crc<<1 ^ crc>>15*polynomial
		}
	}
	return crc
}

// tagOfSlot returns three letters or digits that lie in the slot. The checksum
// is linear and can be run backwards: for a text x+y in which y has two bytes,
// y is the checksum of x+y, run back 16 steps, XOR the checksum of x.
func tagOfSlot(slot uint16) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for checksum := uint32(slot); checksum < 1<<16; checksum += Slots {
		back := uint16(checksum)
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
