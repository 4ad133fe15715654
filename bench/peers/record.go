package peers

import (
	"fmt"
	"strings"
	"time"
)

// Mark is in every key that the benchmarks write.
const Mark = "symphony-bench"

// lifetime is that of every record, whoever writes it.
const lifetime = 24 * time.Hour

// Profile is the record of the contests: twelve fields of the types that all of
// the contestants can store, about 400 bytes.
type Profile struct {
	Name    string    `redis:"name"    json:"name"`
	Email   string    `redis:"email"   json:"email"`
	City    string    `redis:"city"    json:"city"`
	Bio     string    `redis:"bio"     json:"bio"`
	Plan    string    `redis:"plan"    json:"plan"`
	Score   int64     `redis:"score"   json:"score"`
	Level   int64     `redis:"level"   json:"level"`
	Logins  int64     `redis:"logins"  json:"logins"`
	Active  bool      `redis:"active"  json:"active"`
	Admin   bool      `redis:"admin"   json:"admin"`
	Created time.Time `redis:"created" json:"created"`
	Updated time.Time `redis:"updated" json:"updated"`
}

// fields are the names under which a Profile is stored, in order.
var fields = []string{
	"name", "email", "city", "bio", "plan", "score", "level", "logins", "active", "admin", "created", "updated",
}

// cities is how many values the field that Find looks at has.
const cities = 100

var bio = strings.Repeat("A text of some length, as profiles have them. ", 5)[:200]

// profile is the record with a number.
func profile(i int) Profile {
	return Profile{
		Name: fmt.Sprintf("Alice Liddell %06d", i), Email: fmt.Sprintf("alice%06d@example.com", i), City: city(i), Bio: bio, Plan: "premium",
		Score: int64(100_000 + i), Level: 7, Logins: 12345, Active: true,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC).Add(time.Duration(i) * time.Second),
		Updated: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
	}
}

func city(i int) string { return fmt.Sprintf("Bogotá %02d", i%cities) }

// equal compares profiles field by field, times as moments.
func equal(a, b Profile) bool {
	same := a.Created.Equal(b.Created) && a.Updated.Equal(b.Updated)
	a.Created, a.Updated, b.Created, b.Updated = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return same && a == b
}

func mustEqual(got, want Profile) error {
	if !equal(got, want) {
		return fmt.Errorf("the result is not what it must be:\n got %+v\nwant %+v", got, want)
	}
	return nil
}

// identities are the ids of n records, and once more, so that any run of them
// is a part of the slice.
func identities(n int) []string {
	ids := make([]string, 2*n)
	for i := range ids {
		ids[i] = fmt.Sprintf("id%06d", i%n)
	}
	return ids
}
