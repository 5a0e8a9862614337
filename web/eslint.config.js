import reactHooks from "eslint-plugin-react-hooks";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig([
  globalIgnores(["dist", "src/api/schema.d.ts"]),
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.recommended, reactHooks.configs.flat.recommended],
    rules: {
      // A sentence of the server is never shown: the interface translates codes.
      "no-restricted-syntax": [
        "error",
        {
          selector: "MemberExpression[property.name='detail']",
          message: "Translate the error's code; the server's sentence is for logs.",
        },
      ],
    },
  },
]);
