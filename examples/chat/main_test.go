package main

import (
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
)

func TestMain(m *testing.M) { pooltest.Main(m) }
