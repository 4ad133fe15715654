package keyspace_test

import (
	"testing"

	"github.com/symphony-go/symphony/keyspace"
)

func BenchmarkPatternKey(b *testing.B) {
	p := keyspace.Default().Trigger
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Key("acme", "process_message_batch", "user123")
	}
}

func BenchmarkPatternKeyEscaped(b *testing.B) {
	p := keyspace.Default().Trigger
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Key("acme:co", "process:message%batch", "user123")
	}
}

func BenchmarkPatternParse(b *testing.B) {
	p := keyspace.Default().Trigger
	b.ReportAllocs()
	for b.Loop() {
		p.Parse("acme:EXPTRIGGER:process_message_batch:user123")
	}
}

func BenchmarkSpaceKey(b *testing.B) {
	s := bind(keyspace.Default().User, "acme")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Key("user123")
	}
}

func BenchmarkSpaceID(b *testing.B) {
	s := bind(keyspace.Default().SharedState, "acme", keyspace.Any, "user123")
	b.ReportAllocs()
	for b.Loop() {
		s.ID("acme:SS:conversation:user123")
	}
}

func BenchmarkBeside(b *testing.B) {
	for _, key := range []string{"acme:user:u1", "acme:batch:{mail}:e:a", "a}b"} {
		b.Run(key, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				keyspace.Beside("lease", key)
			}
		})
	}
}
