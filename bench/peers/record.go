package peers

import (
	"fmt"
	"strings"
	"time"
)

// Mark is a part of every key that the benchmarks write.
const Mark = "symphony-bench"

// lifetime is the lifetime of every record.
const lifetime = 24 * time.Hour

// Profile is the record of the contests: twelve fields of types that every
// contestant can store, about 400 bytes.
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

// fields are the stored names of the fields of a Profile, in order.
var fields = []string{
	"name", "email", "city", "bio", "plan", "score", "level", "logins", "active", "admin", "created", "updated",
}

// cities is the number of different values of the field that Find searches.
const cities = 100

var bio = strings.Repeat("A text of some length, as profiles have them. ", 5)[:200]

// ProfileOf returns the record with a number.
func ProfileOf(i int) Profile {
	return Profile{
		Name: fmt.Sprintf("Alice Liddell %06d", i), Email: fmt.Sprintf("alice%06d@example.com", i), City: city(i), Bio: bio, Plan: "premium",
		Score: int64(100_000 + i), Level: 7, Logins: 12345, Active: true,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC).Add(time.Duration(i) * time.Second),
		Updated: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC),
	}
}

func city(i int) string { return fmt.Sprintf("Bogotá %02d", i%cities) }

// equal compares profiles field by field. It compares times as instants.
func equal(a, b Profile) bool {
	same := a.Created.Equal(b.Created) && a.Updated.Equal(b.Updated)
	a.Created, a.Updated, b.Created, b.Updated = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return same && a == b
}

func mustEqual(got, want Profile) error {
	if !equal(got, want) {
		return fmt.Errorf("unexpected result:\n got %+v\nwant %+v", got, want)
	}
	return nil
}

// identities returns the ids of n records, twice, so that n consecutive ids
// from any place on are a part of the slice.
func identities(n int) []string {
	ids := make([]string, 2*n)
	for i := range ids {
		ids[i] = fmt.Sprintf("id%06d", i%n)
	}
	return ids
}
