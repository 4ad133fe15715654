package hashrepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
)

type Contact struct {
	Email string `json:"email"`
}

type Audit struct {
	By *string `redis:"by"`
}

type Meta struct {
	*Audit
	At time.Time `redis:"at"`
}

type Account struct {
	Meta
	Contact Contact           `redis:"contact"`
	Limits  [2]int            `redis:"limits"`
	Secret  string            `redis:"-"`
	Rest    map[string]string `redis:",extra"`
	Version int64             `redis:"v,version"`
	None    struct{}          `redis:"none"`
	Nothing struct{}          `redis:"nothing"`
	local   int
}

// A handle has the stored name of the field that its selector returns.
func TestSelectors(t *testing.T) {
	require.Equal(t, "by", hashrepo.FieldOf(func(a *Account) **string { return &a.By }).Name())
	require.Equal(t, "at", hashrepo.FieldOf(func(a *Account) *time.Time { return &a.At }).Name())
	require.Equal(t, "contact", hashrepo.FieldOf(func(a *Account) *Contact { return &a.Contact }).Name())
	require.Equal(t, "limits", hashrepo.FieldOf(func(a *Account) *[2]int { return &a.Limits }).Name())
	require.Equal(t, "v", hashrepo.NumberOf(func(a *Account) *int64 { return &a.Version }).Name())
	require.Equal(t, "owner", hashrepo.FieldOf(func(p *Profile) *string { return &p.Owner }).Name())
	require.Equal(t, "level", hashrepo.NumberOf(func(p *Profile) *Level { return &p.Level }).Name())
}

// A wrong selector panics when the program starts. The message names the type,
// the problem and the form of a selector.
func TestBadSelectorsPanic(t *testing.T) {
	var elsewhere string
	for name, c := range map[string]struct {
		wants []string
		make  func()
	}{
		"inside a field":   {[]string{"FieldOf", "hashrepo_test.Account", "no stored field", "func(r *hashrepo_test.Account) *string"}, func() { hashrepo.FieldOf(func(a *Account) *string { return &a.Contact.Email }) }},
		"inside an array":  {[]string{"no stored field", "*int"}, func() { hashrepo.NumberOf(func(a *Account) *int { return &a.Limits[0] }) }},
		"left out":         {[]string{"left out by its tag"}, func() { hashrepo.FieldOf(func(a *Account) *string { return &a.Secret }) }},
		"not exported":     {[]string{"not exported"}, func() { hashrepo.NumberOf(func(a *Account) *int { return &a.local }) }},
		"extra":            {[]string{"Rest is the extra field", "At"}, func() { hashrepo.FieldOf(func(a *Account) *map[string]string { return &a.Rest }) }},
		"embedded struct":  {[]string{"no stored field"}, func() { hashrepo.FieldOf(func(a *Account) *Meta { return &a.Meta }) }},
		"another variable": {[]string{"no stored field"}, func() { hashrepo.FieldOf(func(*Account) *string { return &elsewhere }) }},
		"nil":              {[]string{"returns nil"}, func() { hashrepo.FieldOf(func(*Account) *string { return nil }) }},
		"no selector":      {[]string{"selector is nil"}, func() { hashrepo.FieldOf[Account, string](nil) }},
		"panics":           {[]string{"selector panics", "nil pointer"}, func() { hashrepo.FieldOf(func(a *Account) *byte { return &[]byte(*a.By)[0] }) }},
		"two of no size":   {[]string{"none, nothing", "At"}, func() { hashrepo.FieldOf(func(a *Account) *struct{} { return &a.None }) }},
		"a map":            {[]string{"ListOf", "map[string]interface {}", "At"}, func() { hashrepo.ListOf(func(*map[string]any) *[]string { return nil }) }},
		"bytes":            {[]string{"ListOf", "[]uint8", "FieldOf"}, func() { hashrepo.ListOf(func(p *Profile) *[]byte { return &p.Raw }) }},
		"bad schema":       {[]string{"hashrepo_test.Clash"}, func() { hashrepo.FieldOf(func(*Clash) *string { return nil }) }},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				message, _ := recover().(string)
				for _, want := range c.wants {
					require.Contains(t, message, want)
				}
			}()
			c.make()
		})
	}
}
