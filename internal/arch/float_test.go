package arch

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// exactMath lists the functions of package math whose result IEEE 754 fixes, so that every processor agrees. The others (Exp, Log,
// Pow, ...) have assembly of their own on some processors and differ in the last digit.
var exactMath = []string{
	"Abs", "Ceil", "Copysign", "Dim", "Float32bits", "Float32frombits", "Float64bits", "Float64frombits", "Floor", "Frexp", "Ilogb",
	"Inf", "IsInf", "IsNaN", "Ldexp", "Logb", "Max", "Min", "Mod", "Modf", "NaN", "Nextafter", "Nextafter32", "Remainder", "Round",
	"RoundToEven", "Signbit", "Sqrt", "Trunc",
}

func checkMath(p *pass) {
	p.eachUse(func(id *ast.Ident, obj types.Object, _ []ast.Node) {
		if f := stdFunc(obj, "math"); f != "" && !slices.Contains(exactMath, f) {
			p.report(id.Pos(), "math.%s differs between processors: use an integer table (internal/rng)", f)
		}
		if obj.Pkg() != nil && obj.Pkg().Path() == "math/cmplx" {
			p.report(id.Pos(), "math/cmplx differs between processors")
		}
	})
}

// checkFloat sees arithmetic on floats that is left for run time; constants are exact and cost nothing.
func checkFloat(p *pass) {
	if p.purity() != exact || p.src.test {
		return
	}
	p.walk(func(n ast.Node, _ []ast.Node) {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			tv := p.info.Types[n]
			if arithmetic(n.Op) && tv.Value == nil && anyTerm(tv.Type, isFloat) {
				p.report(n.OpPos, "%s on floats: arm64 fuses it and amd64 does not, so calculate in integers", n.Op)
			}
		case *ast.AssignStmt:
			if n.Tok != token.ASSIGN && n.Tok != token.DEFINE && anyTerm(p.info.TypeOf(n.Lhs[0]), isFloat) {
				p.report(n.TokPos, "%s on floats: calculate in integers", n.Tok)
			}
		case *ast.IncDecStmt:
			if anyTerm(p.info.TypeOf(n.X), isFloat) {
				p.report(n.TokPos, "%s on floats: calculate in integers", n.Tok)
			}
		}
	})
}

func arithmetic(op token.Token) bool {
	return op == token.ADD || op == token.SUB || op == token.MUL || op == token.QUO
}

// fused finds a fused multiply-add in a listing of the compiler, which begins each line with the offset and (file:line).
var fused = regexp.MustCompile(`\(([^()\s]+\.go):(\d+)\)\s+(FN?M(?:ADD|SUB)[DS]?)\b`)

// compileError finds the lines of a listing that say why there is no code.
var compileError = regexp.MustCompile(`(?m)^(\S+\.go:\d+:\d+|go): .*$`)

// fusedIn compiles the packages for arm64 and reports each fused multiply-add in their code, inlined code included.
func fusedIn(t *testing.T, tr *tree, paths []string, env ...string) []finding {
	t.Helper()
	args := []string{"build", "-gcflags=-S"}
	for _, p := range paths {
		args = append(args, "./"+p)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = tr.dir
	cmd.Env = append(append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, bytes.Join(compileError.FindAll(out, -1), []byte("\n")))
	}
	var found []finding
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		if m := fused.FindStringSubmatch(sc.Text()); m != nil {
			line, _ := strconv.Atoi(m[2])
			found = append(found, finding{tr.rel(m[1]), line, "fused", fmt.Sprintf("arm64 code has %s, amd64 rounds twice: calculate in integers", m[3])})
		}
	}
	return slices.Compact(found)
}

// purePaths lists the pure packages that exist in the tree and compile.
func (tr *tree) purePaths() []string {
	var paths []string
	for _, u := range tr.units {
		if u.class != nil && u.class.purity >= pure && len(u.errors) == 0 && u.name != "" {
			paths = append(paths, u.path)
		}
	}
	return paths
}

// TestNoFusedMultiplyAdd is the proof behind the rule "float": the compiler's own listing.
func TestNoFusedMultiplyAdd(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: compiles the pure packages for arm64")
	}
	tr := load(t, "../..")
	for _, f := range fusedIn(t, tr, tr.purePaths()) {
		t.Errorf("%s", f)
	}
}
